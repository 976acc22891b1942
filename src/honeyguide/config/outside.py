"""Settings of what is called outside of the process: hosts that may be, sources and embeddings that are."""

from pydantic import Field, SecretStr

from honeyguide.config.values import Duration, Name, Section


class Outbound(Section):
    """Which hosts may be called. Nothing else is."""

    hosts: list[str] = Field(
        default_factory=list, description="Hosts that may be called by https, at public addresses: name or name:port."
    )
    private_hosts: list[str] = Field(
        default_factory=list, description="Hosts that may be called at any address, also by http: name or name:port."
    )


class ExternalSource(Section):
    """A source outside: a service over HTTP, or a query of a database."""

    name: Name = Field(description="Name, as surfaces list it under external.")
    url: str = Field(
        description="https://... of a service whose host outbound names, or the URL of a database.",
        json_schema_extra={"writeOnly": True},
    )
    query: str = Field(
        default="", description="Statement whose first column are item ids; parameters :user_id, :item_id, :surface, :limit."
    )
    key: SecretStr | None = Field(default=None, min_length=1, description="Sent as 'Authorization: Bearer' to a service.")
    limit: int = Field(default=100, ge=1, le=1000, description="Most items that are taken.")
    deadline: Duration = Field(default=0.1, gt=0, le=10, description="How long an answer may take.")
    weight: float = Field(default=0.8, gt=0, le=2, description="Weight of its first item, where no ranker is trained.")

    @property
    def is_service(self) -> bool:
        """Whether it is asked over HTTP."""
        return self.url.lower().startswith(("http://", "https://"))


class Embeddings(Section):
    """An endpoint that turns items' texts into vectors, as OpenAI's /v1/embeddings does; many local servers speak it."""

    url: str = Field(default="", description="Its address, whose host outbound names; empty: words alone count.")
    model: str = Field(default="text-embedding-3-small", min_length=1, description="Model that it is asked for.")
    key: SecretStr | None = Field(
        default=None, min_length=1, description="Sent as 'Authorization: Bearer'; best given as HONEYGUIDE_EMBEDDINGS__KEY."
    )
    batch: int = Field(default=64, ge=1, le=2048, description="Texts of one call.")
    timeout: Duration = Field(default=10.0, gt=0, le=300, description="How long a call may take; no list waits for one.")
