"""The suites of promises that every connector keeps, and their far sides. Needs pytest and pytest-asyncio."""

from plugins.testing.suites import (
    ConfigurationSuite,
    DaylightSuite,
    EffectSuite,
    FaultSuite,
    FaultyPeer,
    OrderSuite,
    Peer,
    PrivacySuite,
    PulledPeer,
    PullSuite,
    RefusingPeer,
    SelftestSuite,
    SeveralFarSidesSuite,
    Subject,
    TakenAtOnceSuite,
    TakingPeer,
)

__all__ = [
    "ConfigurationSuite",
    "DaylightSuite",
    "EffectSuite",
    "FaultSuite",
    "FaultyPeer",
    "OrderSuite",
    "Peer",
    "PrivacySuite",
    "PullSuite",
    "PulledPeer",
    "RefusingPeer",
    "SelftestSuite",
    "SeveralFarSidesSuite",
    "Subject",
    "TakenAtOnceSuite",
    "TakingPeer",
]
