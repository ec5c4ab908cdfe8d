//! Names of the common actions, so that everybody writes them alike.

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*
        /// All of them.
        pub const ALL: &[&str] = &[$($text),*];
    };
}

actions! {
    /// A user logged in.
    USER_LOGIN = "user.login";
    /// A user could not log in.
    USER_LOGIN_FAILED = "user.login_failed";
    /// A user logged out.
    USER_LOGOUT = "user.logout";
    /// A user registered.
    USER_REGISTER = "user.register";
    /// A user was created by another.
    USER_CREATE = "user.create";
    /// A user was changed.
    USER_UPDATE = "user.update";
    /// A user was deleted.
    USER_DELETE = "user.delete";
    /// A password was changed.
    USER_PASSWORD_CHANGE = "user.password_change";
    /// A password was reset.
    USER_PASSWORD_RESET = "user.password_reset";
    /// A second factor was added.
    USER_MFA_ENABLE = "user.mfa_enable";
    /// A second factor was removed.
    USER_MFA_DISABLE = "user.mfa_disable";
    /// Somebody began to act as another.
    USER_IMPERSONATE = "user.impersonate";
    /// A session was ended by another than its owner.
    SESSION_REVOKE = "session.revoke";
    /// A permission was given.
    PERMISSION_GRANT = "permission.grant";
    /// A permission was taken away.
    PERMISSION_REVOKE = "permission.revoke";
    /// Something was not allowed.
    PERMISSION_DENIED = "permission.denied";
    /// A role was given.
    ROLE_ASSIGN = "role.assign";
    /// A role was taken away.
    ROLE_REMOVE = "role.remove";
    /// An API key was made.
    API_KEY_CREATE = "api_key.create";
    /// An API key was revoked.
    API_KEY_REVOKE = "api_key.revoke";
    /// Something was created.
    RESOURCE_CREATE = "resource.create";
    /// Something was read.
    RESOURCE_READ = "resource.read";
    /// Something was changed.
    RESOURCE_UPDATE = "resource.update";
    /// Something was deleted.
    RESOURCE_DELETE = "resource.delete";
    /// Data left the system.
    DATA_EXPORT = "data.export";
    /// Data came in.
    DATA_IMPORT = "data.import";
    /// A setting was changed.
    CONFIG_UPDATE = "config.update";
    /// A backup was made.
    BACKUP_CREATE = "backup.create";
    /// A backup was deleted.
    BACKUP_DELETE = "backup.delete";
    /// A backup was restored.
    BACKUP_RESTORE = "backup.restore";
    /// What the recorder lost, and why.
    AUDIT_LOSS = "audit.loss";
}
