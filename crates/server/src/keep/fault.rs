//! Why keeping did not do something, as a problem.

use axum::http::StatusCode;
use indelible_keep::KeepError;
use indelible_keep::target::TargetError;

use crate::problem::Problem;

/// The problem that tells of an error.
pub(crate) fn problem(error: KeepError) -> Problem {
    let detail = error.to_string();
    match error {
        KeepError::Bad(_) => Problem::bad_request(detail),
        KeepError::NotFound(_) => Problem::not_found(detail),
        KeepError::Refused(_) => Problem::conflict("refused", detail),
        KeepError::Busy => Problem::conflict("busy", detail),
        KeepError::NeedsSecond(request) => {
            Problem::conflict("needs-second", detail).with("request", request)
        }
        KeepError::NoRoom { place, needed, free } => {
            let (status, title) = (StatusCode::INSUFFICIENT_STORAGE, "There is not enough room");
            Problem::new(status, "no-room", title, detail)
                .with("place", place)
                .with("needed_bytes", needed)
                .with("free_bytes", free)
        }
        KeepError::Damaged { path, .. } => {
            tracing::error!(detail, "damaged");
            let (status, title) = (StatusCode::INTERNAL_SERVER_ERROR, "Bytes are damaged");
            Problem::new(status, "damaged", title, detail).with("path", path)
        }
        KeepError::Record(_) => Problem::unavailable(detail, 5),
        KeepError::Store(error) => error.into(),
        KeepError::Target(error) => of_target(&error),
    }
}

fn of_target(error: &TargetError) -> Problem {
    let title = "The place of backups and archives does not do this";
    let kind = match error {
        TargetError::Bad(_) => return Problem::bad_request(error.to_string()),
        TargetError::Missing { .. } => return Problem::not_found(error.to_string()),
        TargetError::Expired { .. } => "credentials-expired",
        TargetError::Denied { .. } => "access-denied",
        TargetError::Io { .. } => "target-failed",
    };
    Problem::new(StatusCode::BAD_GATEWAY, kind, title, error.to_string())
}
