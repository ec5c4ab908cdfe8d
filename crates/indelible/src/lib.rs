//! An audit trail that cannot be quietly changed: the SDK.
