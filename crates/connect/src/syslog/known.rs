//! Messages that tell of people: logins by sshd, and sudo. What they say goes to its place, besides the text.

use super::Message;
use crate::draft::{Draft, Text, Thing, Who};

/// Says more about a message whose program is known.
pub(super) fn say_more<'a>(message: &Message<'a>, draft: &mut Draft<'a>) {
    match message.app_name {
        Some("sshd" | "sshd-session") => sshd(message.msg, draft),
        Some("sudo") => sudo(message.msg, draft),
        _ => {}
    }
}

/// `Accepted publickey for alice from 192.0.2.7 port 50222 ssh2: …`, `Failed password for invalid user bob from …`.
fn sshd<'a>(text: &'a str, draft: &mut Draft<'a>) {
    let (accepted, rest) = match (text.strip_prefix("Accepted "), text.strip_prefix("Failed ")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return,
    };
    let Some((method, rest)) = rest.split_once(" for ") else { return };
    let (known, rest) = match rest.strip_prefix("invalid user ") {
        Some(rest) => (false, rest),
        None => (true, rest),
    };
    // A name may be anything that somebody types, so it ends at the last place where an address can begin.
    let Some((user, rest)) = rest.rsplit_once(" from ") else { return };
    let Some((ip, _)) = rest.split_once(" port ") else { return };
    if method.contains(' ') || ip.parse::<std::net::IpAddr>().is_err() {
        return;
    }
    draft.action = "ssh.login".into();
    draft.category = Some(if accepted { "login" } else { "login_failed" }.into());
    draft.outcome = Some(if accepted { "success" } else { "failure" }.into());
    let kind = if known { "user" } else { "anonymous" };
    draft.actor = Some(person(kind, user, Some(method)));
    draft.context.ip = Some(ip.into());
}

/// `alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id`, with a reason first where it was refused.
fn sudo<'a>(text: &'a str, draft: &mut Draft<'a>) {
    let Some((user, rest)) = text.trim_ascii_start().split_once(" : ") else { return };
    let Some((before, command)) = rest.split_once("COMMAND=") else { return };
    if user.contains(' ') || user.is_empty() || command.is_empty() {
        return;
    }
    let refused = !before.starts_with("TTY=") && !before.starts_with("PWD=");
    draft.action = "sudo.run".into();
    draft.category = Some("admin_action".into());
    draft.outcome = Some(if refused { "denied" } else { "success" }.into());
    draft.actor = Some(person("user", user, None));
    let thing = |kind: &'static str, id: &'a str| Thing {
        kind: Some(kind.into()),
        id: Some(id.into()),
        name: None,
    };
    let program = command.split(' ').next().unwrap_or(command);
    draft.targets.push(thing("command", program));
    let run_as = before.split(" ; ").find_map(|part| part.trim_ascii().strip_prefix("USER="));
    draft.targets.extend(run_as.map(|user| thing("account", user)));
}

fn person<'a>(kind: &'static str, id: &'a str, method: Option<&'a str>) -> Who<'a> {
    Who {
        kind: Some(kind.into()),
        id: Some(id.into()),
        auth_method: method.map(Text::from),
        ..Who::default()
    }
}
