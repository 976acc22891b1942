"""The settings table: every setting with its default, its type and what it does.

`load` in this package fills it from TOML and the environment; nothing else in honeyguide reads either.
The order of the fields is the order in `honeyguide config show` and in the reference page of the docs.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr

from honeyguide.config.diversity import Cap, Diversity
from honeyguide.config.exploration import Exploration, Explore
from honeyguide.config.metrics import Metric, metrics_of
from honeyguide.config.outside import Embeddings, ExternalSource, Outbound
from honeyguide.config.quality import Quality
from honeyguide.config.sources import SourceUse
from honeyguide.config.values import ContentField, Duration, Name, Origin, Section, Share, Size, Window, laid_over


class Project(Section):
    """The project: one data directory."""

    name: str = Field(default="shop", description="Name shown in pages and logs.")
    data_dir: Path = Field(
        default=Path("data"), description="Folder of the database, models and caches; relative to the TOML file."
    )


class Server(Section):
    """The HTTP server."""

    host: str = Field(default="127.0.0.1", description="Address to bind. Anything but loopback needs auth.key.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to bind; 0 takes a free one.")
    workers: int = Field(default=1, ge=1, le=64, description="Server processes on the port; several need redis.url.")
    max_body: Size = Field(default=8_000_000, description="Largest request body.")
    leave: Duration = Field(
        default=0.0,
        description="How long a stop goes on taking requests while /readyz says 503: what a load balancer needs to notice.",
    )
    drain: Duration = Field(default=10.0, description="How long a stop waits for requests under way.")


class Worker(Section):
    """A process that runs background jobs (`honeyguide worker`)."""

    host: str = Field(default="127.0.0.1", description="Address of its /healthz, /readyz and /metrics.")
    port: int = Field(default=0, ge=0, le=65535, description="Port of these; 0 takes a free one.")


class Auth(Section):
    """Who may call."""

    key: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="Static key that holds all scopes, sent as 'Authorization: Bearer'.",
    )


class Dashboard(Section):
    """The pages at /ui."""

    images: list[Origin] = Field(
        default_factory=list,
        description="Where pictures of items may be loaded from, such as https://cdn.example.com. "
        "Pictures from elsewhere are not shown, and their hosts are not asked.",
    )


class Storage(Section):
    """Where the truth lives."""

    url: str = Field(
        default="",
        description="Database URL; empty means SQLite in project.data_dir.",
        json_schema_extra={"writeOnly": True},
    )
    pool_size: int = Field(
        default=8,
        ge=1,
        le=1000,
        description="PostgreSQL: connections of a process for requests; about nine more write, follow and do the rest.",
    )
    pool_wait: Duration = Field(default=0.05, description="PostgreSQL: how long a read waits for a free connection.")
    connect_timeout: Duration = Field(default=2.0, description="PostgreSQL: how long making a connection may take.")
    start_wait: Duration = Field(
        default=60.0, description="How long a server or worker that starts waits for a database that does not answer yet."
    )
    read_timeout: Duration = Field(
        default=0.15,
        description="PostgreSQL: how long a read of a request may take; the server stops it then.",
    )
    statement_timeout: Duration = Field(default=30.0, description="PostgreSQL: how long any other statement may take.")
    lock_timeout: Duration = Field(
        default=5.0, gt=0, description="PostgreSQL: how long a write waits for what another transaction holds."
    )
    idle_timeout: Duration = Field(
        default=10.0,
        description="PostgreSQL: how long a transaction may do nothing before the server ends it.",
    )


class Redis(Section):
    """A Redis or Valkey server that processes share: lists, tokens, leases. Losable."""

    url: str = Field(
        default="",
        description="redis://[user:password@]host:port/0, rediss:// for TLS; empty means that one process serves alone.",
        json_schema_extra={"writeOnly": True},
    )
    cluster: bool = Field(default=False, description="The URL names a node of a Redis Cluster.")
    prefix: str = Field(
        default="hg", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,31}$", description="Beginning of every key; one per project."
    )
    timeout: Duration = Field(default=0.05, description="How long an answer may take; slower ones count as none.")
    connect_timeout: Duration = Field(default=0.1, description="How long connecting may take.")
    connections: int = Field(default=16, ge=1, le=1000, description="Connections of each process to each server.")


class EventType(Section):
    """What one type of event means."""

    weight: float = Field(
        default=1.0,
        ge=0,
        le=1000,
        description="Weight in training and in histories; 0 is no signal. Of a negative type it counts against the item.",
    )
    by_value: bool = Field(
        default=False, description="Scale the weight by the event's value over the scale's middle (for ratings)."
    )
    negative: bool = Field(default=False, description="The user does not want this item: never recommend it to them.")
    needs_item: bool = Field(default=True, description="Refuse an event of this type without item_id.")


DEFAULT_EVENT_TYPES: dict[str, EventType] = {
    "view": EventType(weight=1),
    "click": EventType(weight=2),
    "add_to_cart": EventType(weight=4),
    "wishlist_add": EventType(weight=3),
    "purchase": EventType(weight=8),
    "rating": EventType(weight=4, by_value=True),
    "profile_update": EventType(weight=0, needs_item=False),
    "hide": EventType(weight=2, negative=True),
    "dislike": EventType(weight=4, negative=True),
    "impression": EventType(weight=0, needs_item=False),
}


class Events(Section):
    """Which events there are and what they weigh."""

    types: dict[str, EventType] = Field(
        default_factory=dict,
        description="Declared event types. One with a built-in's name changes only the keys that it gives.",
    )
    rating_middle: float = Field(default=3.0, gt=0, description="The rating that counts with its plain weight.")
    max_future: Duration = Field(default=300.0, description="How far in the future an event's ts may lie.")
    idempotency_window: Duration = Field(default=86_400.0, description="How long an Idempotency-Key is remembered.")

    def all_types(self) -> dict[str, EventType]:
        """Built-in and declared types."""
        declared = {name: laid_over(DEFAULT_EVENT_TYPES.get(name), kind) for name, kind in self.types.items()}
        return DEFAULT_EVENT_TYPES | declared


class Segments(Section):
    """Segments of users, for cold start."""

    attributes: list[str] = Field(
        default_factory=list, max_length=2, description="Up to two user attributes that form a segment."
    )


class Cache(Section):
    """The list cache."""

    l1_size: Size = Field(default=256_000_000, description="Bytes of memory for cached values.")
    value_size: Size = Field(default=1_000_000, description="Largest value that goes to Redis.")
    ttl: Duration = Field(default=60.0, description="How long a list is fresh.")
    stale: Duration = Field(default=3600.0, description="How much longer it may be served while a new one is made.")
    stale_on_error: Duration = Field(
        default=300.0, description="How much longer still it may be served, marked degraded, while none can be made."
    )
    jitter: Share = Field(default=0.1, description="Each TTL is varied by up to this share.")
    early_refresh: float = Field(
        default=1.0, ge=0, le=100, description="How early a list is made anew before its TTL is over; 0 waits for the end."
    )
    computations: int = Field(default=64, ge=1, le=10_000, description="Lists that are made at once; others wait.")
    warm_users: int = Field(
        default=1000,
        ge=0,
        le=1_000_000,
        description="Lists asked for most often that a server makes before it is ready and before it serves other versions.",
    )
    warm_time: Duration = Field(default=5.0, description="How long that may take; the rest is made when it is asked for.")
    warm_workers: int = Field(default=4, ge=1, le=1000, description="How many of them are made at once.")
    refreshes: int = Field(default=16, ge=1, le=10_000, description="Those of them that are made behind a stale answer.")


class Surface(Section):
    """A named placement and what its list is made of."""

    name: Name = Field(description="Name in requests.")
    recipe: Literal["personal", "ranked", "similar", "basket", "popular", "trending", "new", "rank"] = Field(
        default="personal",
        description="The list of stages; 'ranked' is 'personal' in the order of a ranker that training makes.",
    )
    model: str = Field(default="champion", description="Alias or model@version that scores.")
    exclude: list[str] = Field(
        default=["purchase", "rating"],
        description="Items the user has an event of these types with are left out; 'seen' is any.",
    )
    invalidate: list[str] = Field(
        default=["purchase", "rating", "add_to_cart", "wishlist_add", "profile_update", "hide", "dislike"],
        description="Event types after which a cached list is never served; all others make it stale.",
    )
    max_per_category: int = Field(
        default=3, ge=0, description="Most items of a category in 10 consecutive positions; 0 is no cap."
    )
    sources: list[SourceUse] = Field(
        default_factory=list, description="Sources of candidates; where left out, those of the recipe."
    )
    minimum: int | None = Field(
        default=None,
        ge=0,
        le=500,
        description="Up to so many items a list is filled with what is popular, new or left over; beyond it holds only what "
        "the other sources found. 0: never filled; where left out, always.",
    )
    ttl: Duration | None = Field(default=None, description="How long a list is fresh; where left out, cache.ttl.")
    caps: list[Cap] = Field(default_factory=list, description="Caps on other attributes, or over other stretches.")
    diversity: Diversity = Diversity()
    candidates: int = Field(default=600, ge=50, le=5000, description="Candidates taken from the model.")
    voice_candidates: int = Field(
        default=200, ge=10, le=5000, description="Candidates taken from each of models.voices, in the recipe 'ranked'."
    )
    goals: dict[str, float] = Field(
        default_factory=dict,
        description="What a ranker is trained for: worth by event type, and of 'dwell', a view of training.dwell or longer; "
        "below 0: what it is to avoid. Empty: the weights of the event types.",
    )
    popular: int = Field(default=200, ge=0, le=5000, description="Candidates taken from the popular items.")
    content: int = Field(
        default=20,
        ge=0,
        le=1000,
        description="Candidates taken by content, of items that the model does not know.",
    )
    new_items: int = Field(default=30, ge=0, le=1000, description="Candidates taken from the newest items.")
    deadline: Duration = Field(default=0.25, description="Time for one list; a source that is late is left out.")
    explore: Explore = Explore()

    def limit(self, source: str, usual: int) -> int:
        """Most candidates of a source: `usual`, unless its own entry says otherwise."""
        return next((use.limit for use in self.sources if use.name == source and use.limit is not None), usual)

    def weights(self) -> dict[str, float]:
        """The weights that sources are given here, by name."""
        return {use.name: use.weight for use in self.sources if use.weight is not None}


DEFAULT_SURFACES = [
    Surface(name="home"),
    Surface(name="similar", recipe="similar", exclude=[], max_per_category=0),
    Surface(name="popular", recipe="popular", exclude=[]),
    Surface(name="cart", recipe="basket"),
    Surface(name="trending", recipe="trending", exclude=[], max_per_category=0, popular=600),
    Surface(name="new", recipe="new", exclude=[], max_per_category=0, popular=600),
    Surface(name="rank", recipe="rank", exclude=[], max_per_category=0, popular=600),
]


class Recommend(Section):
    """The request path."""

    history: int = Field(default=500, ge=1, le=2000, description="Latest events of a user that models see.")
    remembered: int = Field(default=2000, ge=1, le=20000, description="Latest events of a user that exclusions look at.")
    new_item_age: Duration = Field(default=14 * 86_400.0, description="How long an item counts as new.")
    new_item_impressions: int = Field(
        default=1000,
        ge=0,
        description="Impressions in 30 days that a new item gets its place for; 0: no limit.",
    )
    basket_gap: Duration = Field(
        default=3600.0, description="Purchases of a user that follow each other within this are one basket."
    )


class Content(Section):
    """What items are like by, before anybody has touched them."""

    fields: list[ContentField] = Field(
        default=["title", "categories", "properties"],
        description="Texts that say what an item is: title, categories, properties (all of them) or properties.NAME; "
        "none: likeness by content is left out.",
    )
    dimensions: int = Field(
        default=64, ge=8, le=512, description="Directions that words, and longer vectors, are reduced to."
    )
    vector_size: int = Field(
        default=0, ge=0, le=4096, description="Length that an item's vector must have to be taken; 0: any."
    )


class Models(Section):
    """Which models are trained, and their hyper-parameters."""

    train: list[str] = Field(
        default=["popular", "knn", "ease", "als", "markov", "bayes"],
        description="Models that 'honeyguide train' fits and compares.",
    )
    voices: list[str] = Field(
        default=["knn", "ease", "als", "markov"],
        description="Models that a ranker listens to beside the one that serves; those of models.train among them.",
    )
    params: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Hyper-parameters by model, e.g. [models.params.ease] l2 = 300."
    )


class Training(Section):
    """The training pipeline."""

    test_share: Share = Field(
        default=0.2, description="Latest share of each user's items that is held out to compare models."
    )
    k: int = Field(default=20, ge=1, le=500, description="Length of the lists that are compared.")
    metric: Literal["ndcg", "recall"] = Field(default="ndcg", description="What the champion is chosen by.")
    gate: float = Field(default=0.0, description="How much better than popularity a version must be, relative.")
    min_items: Share = Field(
        default=0.5,
        description="Fewest items of a version, as a share of those of the version that it replaces; 0 allows any.",
    )
    min_overlap: Share = Field(
        default=0.2,
        description="How much a version and the catalogue must have in common, as a share of the fewer of their items.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of everything random in training.")
    min_users: int = Field(default=2, ge=1, description="Fewest users with held-out items for a comparison.")
    max_users: int = Field(
        default=10_000, ge=10, description="Most users, drawn by the seed, who are asked when models are compared."
    )
    budget: Duration = Field(
        default=0.0,
        le=7 * 86_400.0,
        description="Time for a training that searches for the best model and its hyper-parameters; 0: defaults only.",
    )
    ranker_lists: int = Field(
        default=2_000, ge=10, description="Most lists that a ranker is fitted on, and most users it is judged by."
    )
    dwell: Duration = Field(default=30.0, description="Time from which on a view counts for the goal 'dwell'.")
    attribution: dict[str, Duration] = Field(
        default_factory=dict,
        description="How long after a list was served an event counts as an outcome of it, by event type. Left out: view "
        "and click 1h, purchase and rating 7d, all others 1d.",
    )
    keep: int = Field(default=5, ge=2, description="Versions of each model that are kept beside those an alias points at.")


FeatureKind = Literal["attribute", "count", "sum", "mean", "rate", "last_n", "top_k", "time_since", "vector"]


class FeatureView(Section):
    """A feature view: one thing that is known of each user, or of each item, while serving and in training alike."""

    name: Name = Field(description="Name in reads.")
    entity: Literal["user", "item"] = Field(default="user", description="Whose feature it is.")
    kind: FeatureKind = Field(default="count", description="How it is made of events, or that it is an attribute.")
    events: list[str] = Field(default_factory=list, description="Event types that it is made of.")
    over: list[str] = Field(default_factory=list, description="For a rate: event types that it is a share of.")
    of: str = Field(
        default="",
        description="What of an event (value, quantity, item_id, properties.NAME, item.categories) or of the entity "
        "(price, created_at, properties.NAME) it is made of.",
    )
    weights: dict[str, float] = Field(
        default_factory=dict, description="What an event of a type counts, for count, top_k and vector; 1 where not named."
    )
    window: Window = Field(default=0.0, description="How far back it looks, in 60 steps: 1m to 400d, or all.")
    n: int = Field(default=10, ge=1, le=100, description="How many entries last_n and top_k have.")
    prior: float | None = Field(default=None, description="What a mean or rate is while nothing is known.")
    prior_weight: float = Field(
        default=0.0, ge=0, le=1e6, description="How many events the prior counts as, beside those that are known."
    )
    ttl: Duration | None = Field(
        default=None,
        description="Age from which a value is stale; where left out, feature_store.user_ttl or item_ttl.",
    )


class FeatureStore(Section):
    """Feature views: which there are beside those under [[features]], and how fresh they are."""

    builtin: bool = Field(default=True, description="Whether the built-in views are there.")
    python: list[str] = Field(
        default_factory=list,
        description="Views made in Python, as module:name of a FeatureView or a list of them; imported at the start.",
    )
    user_ttl: Duration = Field(default=300.0, description="Age from which a user's value is stale.")
    item_ttl: Duration = Field(default=3600.0, description="Age from which an item's value is stale.")
    refresh: Duration = Field(default=2.0, gt=0, description="How often the item columns are brought up to date.")
    log_share: Share = Field(
        default=0.01, description="Share of the lists made whose features are logged, to be compared with the replay."
    )


class Retention(Section):
    """How long what is known of people is kept."""

    events: Duration = Field(
        default=400 * 86_400.0, gt=0, description="Events are removed this long after they came in; imported ones, too."
    )
    slates: Duration = Field(default=30 * 86_400.0, gt=0, description="Served lists are removed after this.")
    models: Duration = Field(
        default=30 * 86_400.0,
        gt=0,
        description="How long after an erasure a model that was trained before it may serve; train at least as often.",
    )


class Logging(Section):
    """Logs of the program."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level that is written.")
    format: Literal["auto", "json", "text"] = Field(
        default="auto", description="'auto' is text on a terminal, JSON elsewhere."
    )


class Settings(Section):
    """All settings."""

    project: Project = Project()
    server: Server = Server()
    worker: Worker = Worker()
    auth: Auth = Auth()
    dashboard: Dashboard = Dashboard()
    storage: Storage = Storage()
    redis: Redis = Redis()
    events: Events = Events()
    segments: Segments = Segments()
    cache: Cache = Cache()
    recommend: Recommend = Recommend()
    exploration: Exploration = Exploration()
    surfaces: list[Surface] = Field(
        default_factory=list,
        description="Surfaces. One with a built-in's name changes only the keys that it gives.",
    )
    features: list[FeatureView] = Field(
        default_factory=list,
        description="Feature views. One with a built-in's name changes only the keys that it gives.",
    )
    feature_store: FeatureStore = FeatureStore()
    content: Content = Content()
    embeddings: Embeddings = Embeddings()
    outbound: Outbound = Outbound()
    external: list[ExternalSource] = Field(default_factory=list, description="Sources outside, for surfaces that name them.")
    metrics: list[Metric] = Field(
        default_factory=list,
        description="Metrics of experiments. One with a built-in's name changes only the keys that it gives.",
    )
    models: Models = Models()
    training: Training = Training()
    retention: Retention = Retention()
    quality: Quality = Quality()
    logging: Logging = Logging()

    def all_surfaces(self) -> dict[str, Surface]:
        """Built-in and declared surfaces by name."""
        builtin = {surface.name: surface for surface in DEFAULT_SURFACES}
        return builtin | {surface.name: laid_over(builtin.get(surface.name), surface) for surface in self.surfaces}

    def all_metrics(self) -> dict[str, Metric]:
        """Built-in and declared metrics of experiments by name."""
        return metrics_of(self.metrics)
