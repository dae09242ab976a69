"""The promises that every connector must keep, as pytest classes: subclass each, and name what is tested.

    class Kitchen(Subject):
        connector = AcmeKitchen
        moments = ("08:30",)

        @pytest.fixture
        def peer(self, tmp_path):
            return FolderPeer(tmp_path)

        @pytest.fixture
        def config(self, peer):
            return {"folder": str(peer.folder)}

        @pytest.fixture
        def events(self, school):
            return [school.about(AbsenceReported, pupil) for pupil in school.pupils]

    class TestConfiguration(Kitchen, ConfigurationSuite):
        bad = {"folder": 7}

    class TestEffect(Kitchen, EffectSuite): ...
    class TestOrder(Kitchen, OrderSuite): ...
    class TestPrivacy(Kitchen, PrivacySuite): ...

A suite that finds nothing to check fails: a test that cannot fail is no test. Needs pytest and pytest-asyncio.
"""

from plugins.testing.suites.complete import CompleteSuite
from plugins.testing.suites.configuration import ConfigurationSuite
from plugins.testing.suites.daylight import DaylightSuite
from plugins.testing.suites.effect import EffectSuite, OrderSuite
from plugins.testing.suites.far_sides import RefusingPeer, SeveralFarSidesSuite, TakenAtOnceSuite, TakingPeer
from plugins.testing.suites.faults import FaultSuite, SelftestSuite
from plugins.testing.suites.history import HistorySuite
from plugins.testing.suites.life import LifeSuite
from plugins.testing.suites.privacy import PrivacySuite
from plugins.testing.suites.pull import PulledPeer, PullSuite
from plugins.testing.suites.pushed import PushSuite, RunningPeer, RunSuite
from plugins.testing.suites.reconcile import ReconcileSuite, TamperedPeer
from plugins.testing.suites.school_time import SchoolTimeSuite
from plugins.testing.suites.sensitivity import SensitivitySuite
from plugins.testing.suites.subject import FaultyPeer, Peer, Subject

__all__ = [
    "CompleteSuite",
    "ConfigurationSuite",
    "DaylightSuite",
    "EffectSuite",
    "FaultSuite",
    "FaultyPeer",
    "HistorySuite",
    "LifeSuite",
    "OrderSuite",
    "Peer",
    "PrivacySuite",
    "PullSuite",
    "PushSuite",
    "PulledPeer",
    "ReconcileSuite",
    "RefusingPeer",
    "RunSuite",
    "RunningPeer",
    "SchoolTimeSuite",
    "SelftestSuite",
    "SensitivitySuite",
    "SeveralFarSidesSuite",
    "Subject",
    "TakenAtOnceSuite",
    "TakingPeer",
    "TamperedPeer",
]
