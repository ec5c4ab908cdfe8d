//! The five systems of the demo, and what happens in them on an ordinary day.

/// One of the five: its trail, who acts there, and what happens.
pub struct System {
    pub trail: &'static str,
    pub service: &'static str,
    pub kinds: &'static [Kind],
}

/// Something that happens in a system. `{}` in a text becomes a number.
pub struct Kind {
    pub action: &'static str,
    pub category: &'static str,
    pub outcome: &'static str,
    /// Whether the service itself acts, not a person.
    pub by_service: bool,
    pub target: (&'static str, &'static str),
    pub note: &'static str,
    /// Before and after, as JSON.
    pub change: Option<(&'static str, &'static str)>,
}

const fn by_service(
    action: &'static str,
    category: &'static str,
    outcome: &'static str,
    target: (&'static str, &'static str),
    note: &'static str,
) -> Kind {
    Kind { action, category, outcome, by_service: true, target, note, change: None }
}

const fn by_person(
    action: &'static str,
    category: &'static str,
    outcome: &'static str,
    target: (&'static str, &'static str),
    note: &'static str,
) -> Kind {
    Kind { action, category, outcome, by_service: false, target, note, change: None }
}

const fn changed(kind: Kind, before: &'static str, after: &'static str) -> Kind {
    Kind { change: Some((before, after)), ..kind }
}

pub const SYSTEMS: [System; 5] = [
    System {
        trail: "backup",
        service: "backup-service",
        kinds: &[
            by_service(
                "backup.create",
                "data_create",
                "success",
                ("backup", "orders-db/{}"),
                "Nightly copy of orders-db, {} GiB, checksum verified",
            ),
            by_service(
                "backup.create",
                "data_create",
                "error",
                ("backup", "mail/{}"),
                "Vault eu-2 is full: {} GiB short",
            ),
            by_service(
                "backup.expire",
                "data_delete",
                "success",
                ("backup", "orders-db/{}"),
                "Older than the {} days that the policy keeps",
            ),
            by_person(
                "backup.restore",
                "data_access",
                "success",
                ("backup", "orders-db/{}"),
                "Restored to staging for ticket OPS-{}",
            ),
            by_person(
                "backup.delete",
                "data_delete",
                "denied",
                ("backup", "payroll/{}"),
                "Under legal hold until case {} is closed",
            ),
        ],
    },
    System {
        trail: "storage",
        service: "storage-kit",
        kinds: &[
            by_service(
                "wal.checkpoint",
                "wal_operation",
                "success",
                ("wal", "segment-{}"),
                "{} frames written back",
            ),
            by_service(
                "pin.create",
                "pin_operation",
                "success",
                ("pin", "snapshot-{}"),
                "Held for {} hours",
            ),
            by_service(
                "vfs.mount",
                "vfs_operation",
                "success",
                ("volume", "vol-{}"),
                "Mounted read-only in {} ms",
            ),
            by_service(
                "backend.write",
                "backend_operation",
                "error",
                ("backend", "s3-eu-{}"),
                "Slow down: {} requests refused",
            ),
            by_person(
                "file.read",
                "data_access",
                "success",
                ("file", "contracts/2026/{}.pdf"),
                "{} KiB read",
            ),
            by_person(
                "file.write",
                "data_modify",
                "success",
                ("file", "reports/quarter-{}.xlsx"),
                "New version, {} KiB",
            ),
            by_person(
                "file.delete",
                "data_delete",
                "success",
                ("file", "inbox/scan-{}.tif"),
                "Moved to the archive as item {}",
            ),
            by_person(
                "share.create",
                "permission_denied",
                "denied",
                ("file", "hr/salaries-{}.csv"),
                "Sharing outside the company is not allowed for class {}",
            ),
            changed(
                by_person(
                    "bucket.policy_update",
                    "config_change",
                    "success",
                    ("bucket", "exports-{}"),
                    "Change request {}",
                ),
                r#"{"public":true,"versioning":false}"#,
                r#"{"public":false,"versioning":true}"#,
            ),
        ],
    },
    System {
        trail: "compute",
        service: "compute-api",
        kinds: &[
            by_person(
                "vm.create",
                "data_create",
                "success",
                ("vm", "web-{}"),
                "Image debian-13, flavour m{}",
            ),
            by_person(
                "vm.stop",
                "admin_action",
                "success",
                ("vm", "batch-{}"),
                "Idle for {} hours",
            ),
            by_person(
                "vm.console_open",
                "permission_denied",
                "denied",
                ("vm", "db-{}"),
                "Needs approval {} first",
            ),
            by_service(
                "vm.migrate",
                "backend_operation",
                "success",
                ("vm", "web-{}"),
                "Host drained for maintenance window {}",
            ),
            changed(
                by_person(
                    "vm.resize",
                    "config_change",
                    "success",
                    ("vm", "db-{}"),
                    "Slow queries, incident {}",
                ),
                r#"{"cpus":4,"memory_gib":16}"#,
                r#"{"cpus":8,"memory_gib":64}"#,
            ),
        ],
    },
    System {
        trail: "network",
        service: "config-vault",
        kinds: &[
            by_service(
                "config.collect",
                "backend_operation",
                "success",
                ("device", "sw-core-{}"),
                "{} lines, nothing new",
            ),
            by_service(
                "config.collect",
                "backend_operation",
                "failure",
                ("device", "fw-branch-{}"),
                "No answer after {} s",
            ),
            by_person(
                "secret.read",
                "data_access",
                "success",
                ("secret", "snmp/site-{}"),
                "Emergency access, incident {}",
            ),
            changed(
                by_person(
                    "config.change",
                    "config_change",
                    "success",
                    ("device", "fw-edge-{}"),
                    "Change request {}: database port no longer open to the world",
                ),
                r#"{"rule":"allow tcp any any 5432"}"#,
                r#"{"rule":"allow tcp 10.20.0.0/16 any 5432"}"#,
            ),
            by_person(
                "config.rollback",
                "config_change",
                "success",
                ("device", "sw-access-{}"),
                "Loop on port {}",
            ),
        ],
    },
    System {
        trail: "users",
        service: "user-service",
        kinds: &[
            by_person(
                "session.login",
                "login",
                "success",
                ("account", "acct-{}"),
                "Password and one-time code, device {}",
            ),
            by_person(
                "session.logout",
                "logout",
                "success",
                ("account", "acct-{}"),
                "After {} minutes",
            ),
            by_person(
                "session.login",
                "login",
                "success",
                ("account", "acct-{}"),
                "Passkey, device {}",
            ),
            by_person(
                "session.login",
                "login_failed",
                "failure",
                ("account", "acct-{}"),
                "Wrong password, attempt {}",
            ),
            by_person("user.create", "user_created", "success", ("user", "u-{}"), "Joins team {}"),
            changed(
                by_person(
                    "role.grant",
                    "admin_action",
                    "success",
                    ("user", "u-{}"),
                    "Approved in request {}",
                ),
                r#"{"roles":["reader"]}"#,
                r#"{"roles":["reader","auditor"]}"#,
            ),
            by_service(
                "token.revoke",
                "authorization",
                "success",
                ("token", "tok-{}"),
                "Not used for {} days",
            ),
        ],
    },
];
