//! AWS CloudTrail.

use std::borrow::Cow;

use indelible_event::Micros;
use indelible_event::limits::{KIND_BYTES_MAX, MESSAGE_BYTES_MAX, TARGETS_MAX, TEXT_BYTES_MAX};
use serde::Deserialize;

use super::fields::{At, Fields, Slot, Table, text};
use crate::draft::{Draft, Text, Thing, Unmapped, Who, action, foreign_id};

#[derive(Clone, Copy)]
enum Place {
    Id,
    Time,
    Source,
    Name,
    Ip,
    Agent,
    Request,
    ErrorCode,
    ErrorMessage,
    ReadOnly,
    Resources,
    Parameters,
    Login,
    Type,
    Principal,
    Arn,
    Account,
    AccessKey,
    UserName,
    InvokedBy,
    IssuerArn,
    IssuerName,
    IssuerPrincipal,
    Mfa,
    BehalfUser,
}

const PLACES: usize = Place::BehalfUser as usize + 1;

impl Slot for Place {
    fn index(self) -> usize {
        self as usize
    }
}

static RECORD: [(&str, At<Place>); 15] = [
    ("userIdentity", At::Into(&IDENTITY)),
    ("eventTime", At::Move(Place::Time, TEXT_BYTES_MAX)),
    // What the action is made of stays: `s3.delete_bucket` does not say how it was written.
    ("eventSource", At::Read(Place::Source)),
    ("eventName", At::Read(Place::Name)),
    ("sourceIPAddress", At::Move(Place::Ip, TEXT_BYTES_MAX)),
    ("userAgent", At::Move(Place::Agent, TEXT_BYTES_MAX)),
    ("errorCode", At::Move(Place::ErrorCode, KIND_BYTES_MAX)),
    ("errorMessage", At::Move(Place::ErrorMessage, MESSAGE_BYTES_MAX)),
    ("requestParameters", At::Read(Place::Parameters)),
    ("responseElements", At::Into(&RESPONSE)),
    ("requestID", At::Move(Place::Request, TEXT_BYTES_MAX)),
    ("eventID", At::Read(Place::Id)),
    ("readOnly", At::Read(Place::ReadOnly)),
    ("resources", At::Read(Place::Resources)),
    ("requestId", At::Move(Place::Request, TEXT_BYTES_MAX)),
];

static RESPONSE: [(&str, At<Place>); 1] = [("ConsoleLogin", At::Read(Place::Login))];

static IDENTITY: [(&str, At<Place>); 9] = [
    ("type", At::Read(Place::Type)),
    ("principalId", At::Read(Place::Principal)),
    ("arn", At::Move(Place::Arn, TEXT_BYTES_MAX)),
    ("accountId", At::Read(Place::Account)),
    ("accessKeyId", At::Move(Place::AccessKey, TEXT_BYTES_MAX)),
    ("userName", At::Read(Place::UserName)),
    ("sessionContext", At::Into(&SESSION)),
    ("invokedBy", At::Read(Place::InvokedBy)),
    ("onBehalfOf", At::Into(&BEHALF)),
];

static SESSION: [(&str, At<Place>); 2] =
    [("sessionIssuer", At::Into(&ISSUER)), ("attributes", At::Into(&ATTRIBUTES))];

static ISSUER: [(&str, At<Place>); 3] = [
    ("principalId", At::Read(Place::IssuerPrincipal)),
    ("arn", At::Move(Place::IssuerArn, TEXT_BYTES_MAX)),
    ("userName", At::Move(Place::IssuerName, TEXT_BYTES_MAX)),
];

static ATTRIBUTES: [(&str, At<Place>); 1] = [("mfaAuthenticated", At::Read(Place::Mfa))];

static BEHALF: [(&str, At<Place>); 1] = [("userId", At::Read(Place::BehalfUser))];

/// What kind of actor an identity is.
const KINDS: [(&str, &str); 12] = [
    ("IAMUser", "user"),
    ("Root", "user"),
    ("FederatedUser", "user"),
    ("SAMLUser", "user"),
    ("WebIdentityUser", "user"),
    ("IdentityCenterUser", "user"),
    ("Directory", "user"),
    ("AWSService", "service"),
    ("AssumedRole", "service"),
    ("Role", "service"),
    ("AWSAccount", "service"),
    ("Unknown", "anonymous"),
];

/// Parameters that name what something is done to, where the record lists no resources; the inner ones come first.
const PARAMETERS: [(&str, &str); 24] = [
    ("key", "AWS::S3::Object"),
    ("bucketName", "AWS::S3::Bucket"),
    ("accessKeyId", "AWS::IAM::AccessKey"),
    ("policyArn", "AWS::IAM::Policy"),
    ("userName", "AWS::IAM::User"),
    ("groupName", "AWS::IAM::Group"),
    ("roleArn", "AWS::IAM::Role"),
    ("roleName", "AWS::IAM::Role"),
    ("instanceId", "AWS::EC2::Instance"),
    ("groupId", "AWS::EC2::SecurityGroup"),
    ("volumeId", "AWS::EC2::Volume"),
    ("snapshotId", "AWS::EC2::Snapshot"),
    ("vpcId", "AWS::EC2::VPC"),
    ("subnetId", "AWS::EC2::Subnet"),
    ("functionName", "AWS::Lambda::Function"),
    ("tableName", "AWS::DynamoDB::Table"),
    ("keyId", "AWS::KMS::Key"),
    ("secretId", "AWS::SecretsManager::Secret"),
    ("logGroupName", "AWS::Logs::LogGroup"),
    ("stackName", "AWS::CloudFormation::Stack"),
    ("queueUrl", "AWS::SQS::Queue"),
    ("topicArn", "AWS::SNS::Topic"),
    ("dBInstanceIdentifier", "AWS::RDS::DBInstance"),
    ("clusterName", "AWS::Cluster"),
];

static NAMED: [(&str, At<Parameter>); PARAMETERS.len()] = {
    let mut table = [const { ("", At::Read(Parameter(0))) }; PARAMETERS.len()];
    let mut i = 0;
    while i < PARAMETERS.len() {
        table[i] = (PARAMETERS[i].0, At::Read(Parameter(i)));
        i += 1;
    }
    table
};

#[derive(Clone, Copy)]
struct Parameter(usize);

impl Slot for Parameter {
    fn index(self) -> usize {
        self.0
    }
}

type Found<'a> = Fields<'a, PLACES>;

pub(super) fn map(record: &str) -> Result<Draft<'_>, Unmapped> {
    let table: &'static Table<Place> = &RECORD;
    let mut found: Found<'_> = Fields::read(record, table)?;
    let name = found.text(Place::Name);
    let name = name
        .ok_or_else(|| Unmapped::new("eventName", "is missing: it is no record of CloudTrail"))?;
    let source = found.text(Place::Source).unwrap_or_default();
    let at = found.text(Place::Time).ok_or_else(|| Unmapped::new("eventTime", "is missing"))?;
    Micros::parse(&at).map_err(|error| Unmapped::new("eventTime", error.to_string()))?;
    if !at.ends_with('Z') {
        found.stays(Place::Time, "eventTime");
    }
    // The first versions of the format had no ids.
    let id = found.text(Place::Id).unwrap_or(Cow::Borrowed(record));
    let error = found.text(Place::ErrorCode);
    let outcome = outcome(error.as_deref(), &found);
    let service = source.strip_suffix(".amazonaws.com").unwrap_or(&source);
    let mut draft = Draft {
        id: Some(foreign_id("cloudtrail", &id).into()),
        occurred_at: Some(at),
        action: what(service, &name).into(),
        category: Some(Cow::Borrowed(category(
            service,
            &name,
            outcome,
            found.raw(Place::ReadOnly),
        ))),
        outcome: Some(Cow::Borrowed(outcome)),
        actor: actor(&found),
        targets: targets(&found),
        error_code: error,
        error_message: found.text(Place::ErrorMessage),
        ..Draft::default()
    };
    draft.context.ip = found.text(Place::Ip);
    draft.context.user_agent = found.text(Place::Agent);
    draft.context.request_id = found.text(Place::Request);
    draft.context.service =
        (!source.is_empty()).then_some(source).filter(|name| name.len() <= TEXT_BYTES_MAX);
    draft.details = found.details();
    Ok(draft)
}

fn what(service: &str, name: &str) -> String {
    let (mut what, name) = (action(service), action(name));
    if !what.is_empty() && !name.is_empty() {
        what.push('.');
    }
    what.push_str(&name);
    what.truncate(crate::limits::ACTION_BYTES_MAX);
    while what.ends_with(['.', '_']) {
        what.pop();
    }
    what
}

fn outcome(error: Option<&str>, found: &Found<'_>) -> &'static str {
    const DENIED: [&str; 6] = [
        "AccessDenied",
        "Unauthorized",
        "Forbidden",
        "NotAuthorized",
        "AuthFailure",
        "AuthorizationError",
    ];
    match error {
        Some(code) if DENIED.iter().any(|word| code.contains(word)) => "denied",
        Some(_) => "failure",
        None if found.text(Place::Login).as_deref() == Some("Failure") => "failure",
        None => "success",
    }
}

fn category(service: &str, name: &str, outcome: &str, read_only: Option<&str>) -> &'static str {
    let begins = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
    match name {
        "ConsoleLogin" if outcome == "success" => return "login",
        "ConsoleLogin" => return "login_failed",
        _ if outcome == "denied" => return "permission_denied",
        "CreateUser" => return "user_created",
        _ => {}
    }
    if service == "signin" || begins(&["AssumeRole", "GetSessionToken", "GetFederationToken"]) {
        return "authentication";
    }
    if read_only == Some("true")
        || (read_only.is_none() && begins(&["Get", "List", "Describe", "Head", "Lookup"]))
    {
        return "data_access";
    }
    match service {
        "iam" | "organizations" | "sso" | "sso-directory" | "account" | "cloudtrail" => {
            "admin_action"
        }
        _ if begins(&[
            "Create", "Run", "Allocate", "Register", "Import", "Copy", "Put", "Upload",
        ]) =>
        {
            "data_create"
        }
        _ if begins(&[
            "Delete",
            "Terminate",
            "Deregister",
            "Remove",
            "Release",
            "ScheduleKeyDeletion",
        ]) =>
        {
            "data_delete"
        }
        _ => "data_modify",
    }
}

fn actor<'a>(found: &Found<'a>) -> Option<Who<'a>> {
    let kind = found.text(Place::Type);
    let arn = found.text(Place::Arn);
    let session = arn.as_deref().and_then(|arn| arn.rsplit(['/', ':']).next()).unwrap_or_default();
    let person = session.contains('@');
    let known = kind.as_deref().and_then(|kind| KINDS.iter().find(|(theirs, _)| *theirs == kind));
    let ours = match known {
        Some((_, "service")) if person => Some("user"),
        Some((_, ours)) => Some(*ours),
        None => None,
    };
    let name = match kind.as_deref() {
        Some("Root") => Some(Cow::Borrowed("root")),
        Some("AssumedRole") if !session.is_empty() => Some(Cow::Owned(session.to_owned())),
        _ => found.text(Place::UserName),
    };
    let fits = |text: &Text<'_>| text.len() <= TEXT_BYTES_MAX;
    let id = arn
        .clone()
        .or_else(|| found.text(Place::InvokedBy).filter(|_| kind.as_deref() == Some("AWSService")))
        .or_else(|| found.text(Place::Principal))
        .or_else(|| found.text(Place::Account))
        .or_else(|| found.text(Place::InvokedBy));
    let issuer = Who {
        kind: Some(Cow::Borrowed("service")),
        id: found
            .text(Place::IssuerArn)
            .or_else(|| found.text(Place::IssuerPrincipal).filter(fits)),
        name: found.text(Place::IssuerName),
        ..Who::default()
    };
    let behalf = found.text(Place::BehalfUser).filter(fits).map(|id| Who {
        kind: Some(Cow::Borrowed("user")),
        id: Some(id),
        ..Who::default()
    });
    // Whom the role's own session acts for is one step further.
    let on_behalf_of = match (issuer.id.is_some() || issuer.name.is_some(), behalf) {
        (true, behalf) => Some(Box::new(Who { on_behalf_of: behalf.map(Box::new), ..issuer })),
        (false, behalf) => behalf.map(Box::new),
    };
    let mfa = found.raw(Place::Mfa).is_some_and(|raw| matches!(raw, "\"true\"" | "true"));
    let who = Who {
        kind: ours.map(Cow::Borrowed),
        id: id.filter(fits),
        email: person.then(|| Cow::Owned(session.to_owned())),
        name: name.filter(fits),
        auth_method: mfa.then_some(Cow::Borrowed("mfa")),
        token_id: found.text(Place::AccessKey),
        on_behalf_of,
    };
    let is_empty = who.kind.is_none() && who.id.is_none() && who.name.is_none();
    (!is_empty || who.on_behalf_of.is_some() || who.token_id.is_some()).then_some(who)
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, rename = "ARN", alias = "arn", default)]
    arn: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type", default)]
    kind: Option<Cow<'a, str>>,
}

fn targets<'a>(found: &Found<'a>) -> Vec<Thing<'a>> {
    let listed = found
        .raw(Place::Resources)
        .and_then(|raw| serde_json::from_str::<Vec<Resource<'a>>>(raw).ok());
    let listed: Vec<Thing<'a>> = listed
        .unwrap_or_default()
        .into_iter()
        .filter(|resource| resource.arn.is_some())
        .map(|resource| thing(resource.kind, resource.arn))
        .take(TARGETS_MAX)
        .collect();
    if !listed.is_empty() {
        return listed.into_iter().flatten_fits();
    }
    let Some(parameters) = found.raw(Place::Parameters).filter(|raw| raw.starts_with('{')) else {
        return Vec::new();
    };
    let table: &'static Table<Parameter> = &NAMED;
    let named = Fields::<{ PARAMETERS.len() }>::read(parameters, table);
    let Ok(named) = named else { return Vec::new() };
    let of = |i: usize| {
        let value = text(named.raw(Parameter(i))?)?;
        Some(thing(Some(Cow::Borrowed(PARAMETERS[i].1)), Some(value)))
    };
    (0..PARAMETERS.len()).filter_map(of).flatten_fits()
}

fn thing<'a>(kind: Option<Text<'a>>, id: Option<Text<'a>>) -> Thing<'a> {
    Thing { kind, id, name: None }
}

/// Things without those that an event has no room for; all of them are in `details` as well.
trait Fitting<'a>: Iterator<Item = Thing<'a>> + Sized {
    fn flatten_fits(self) -> Vec<Thing<'a>> {
        let fits = |thing: &Thing<'_>| {
            thing.id.as_ref().is_none_or(|id| id.len() <= TEXT_BYTES_MAX)
                && thing.kind.as_ref().is_none_or(|kind| kind.len() <= KIND_BYTES_MAX)
        };
        self.filter(fits).collect()
    }
}

impl<'a, I: Iterator<Item = Thing<'a>>> Fitting<'a> for I {}
