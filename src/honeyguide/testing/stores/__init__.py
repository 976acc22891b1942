"""What every store must do. Subclass `StoreSuite`, override `open_again`, and pytest runs all of it on your store.

class TestMyStore(StoreSuite):
@pytest.fixture
def open_again(self, tmp_path, clock):
return lambda: MyStore(tmp_path, clock)
"""

from honeyguide.testing.stores.decisions import DecisionSuite
from honeyguide.testing.stores.experiments import ExperimentSuite
from honeyguide.testing.stores.features import FeatureSuite
from honeyguide.testing.stores.items import ItemSuite
from honeyguide.testing.stores.log import LogSuite
from honeyguide.testing.stores.outcomes import OutcomeSuite
from honeyguide.testing.stores.people import PeopleSuite
from honeyguide.testing.stores.processes import ProcessSuite
from honeyguide.testing.stores.quality import QualitySuite
from honeyguide.testing.stores.records import RecordSuite
from honeyguide.testing.stores.users import UserSuite


class StoreSuite(
    LogSuite,
    UserSuite,
    ItemSuite,
    PeopleSuite,
    FeatureSuite,
    RecordSuite,
    ProcessSuite,
    DecisionSuite,
    ExperimentSuite,
    OutcomeSuite,
    QualitySuite,
):
    """The contract of `protocols.Store`, as tests."""
