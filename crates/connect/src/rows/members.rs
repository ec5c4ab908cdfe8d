//! The members that a column can become, and what people call such columns.

use indelible_event::limits::{KIND_BYTES_MAX, MESSAGE_BYTES_MAX, PATH_BYTES_MAX, TEXT_BYTES_MAX};

/// A member of an event, as a map names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Id,
    Trail,
    OccurredAt,
    TargetType,
    TargetId,
    TargetName,
    Category,
    Action,
    Outcome,
    ActorType,
    ActorId,
    ActorName,
    ActorEmail,
    BehalfId,
    BehalfName,
    AuthMethod,
    SubjectType,
    SubjectId,
    Before,
    After,
    Changes,
    ErrorCode,
    ErrorMessage,
    Ip,
    UserAgent,
    RequestId,
    CorrelationId,
    SessionId,
    TraceId,
    SpanId,
    Service,
    Host,
    HttpMethod,
    HttpPath,
    HttpStatus,
    Details,
}

/// How many there are.
pub(super) const COUNT: usize = Member::Details as usize + 1;

/// A member, its name, the most bytes of a text there, and the usual names of its columns: those that say most first.
/// A text that is longer stays in `details`.
pub(super) struct Usual(pub Member, pub &'static str, pub usize, pub &'static str);

/// In the order in which columns are given away: what is first takes first.
pub(super) static USUAL: [Usual; COUNT] = [
    Usual(
        Member::Id,
        "id",
        usize::MAX,
        "id audit_id log_id event_id entry_id uuid guid record_uuid event_uuid history_id pk",
    ),
    Usual(
        Member::Trail,
        "trail",
        usize::MAX,
        "trail tenant_id tenant org_id organization_id organisation_id",
    ),
    Usual(
        Member::OccurredAt,
        "occurred_at",
        usize::MAX,
        "occurred_at event_time event_timestamp event_at performed_at action_at action_time action_timestamp \
         action_tstamp action_tstamp_clk action_tstamp_tx action_tstamp_stm executed_at changed_at change_time change_date \
         logged_at log_time history_date created_at timestamp create_time creation_time created created_on created_date \
         date_created inserted_at recorded_at stamp tstamp ts datetime date_time event_date log_date action_date audit_date \
         audit_time time date when at",
    ),
    Usual(
        Member::TargetType,
        "target.type",
        KIND_BYTES_MAX,
        "target_type entity_type resource_type object_type auditable_type record_type item_type trackable_type subject_type \
         model_type content_type content_type_id model_name model entity_name entity class_name table_name relation_name \
         relation relname resource object target table collection collection_name",
    ),
    Usual(
        Member::TargetId,
        "target.id",
        TEXT_BYTES_MAX,
        "target_id entity_id resource_id object_id object_pk auditable_id record_id item_id trackable_id subject_id model_id \
         row_id row_pk entity_key object_key record_key primary_key document_id relation_id",
    ),
    Usual(
        Member::TargetName,
        "target.name",
        TEXT_BYTES_MAX,
        "target_name resource_name object_name object_repr entity_label record_name item_name target_label",
    ),
    Usual(
        Member::Action,
        "action",
        usize::MAX,
        "action action_name audit_action event_name event operation op verb activity action_type action_flag event_type \
         operation_type operation_name change_type activity_type audit_type audit_operation history_type dml_type tg_op \
         event_code command cmd type",
    ),
    Usual(
        Member::Category,
        "category",
        usize::MAX,
        "category event_category action_category audit_category event_type log_name",
    ),
    Usual(
        Member::Outcome,
        "outcome",
        usize::MAX,
        "outcome result status success succeeded is_success is_successful was_successful successful result_status",
    ),
    Usual(
        Member::ActorType,
        "actor.type",
        usize::MAX,
        "actor_type user_type causer_type performer_type principal_type performed_by_type author_type",
    ),
    Usual(
        Member::ActorId,
        "actor.id",
        TEXT_BYTES_MAX,
        "actor_id user_id userid causer_id performer_id performed_by_id changed_by_id history_user_id principal_id admin_id \
         author_id member_id operator_id staff_id employee_id account_id whodunnit uid performed_by changed_by \
         done_by executed_by created_by modified_by updated_by initiated_by actor user username user_name login \
         login_name principal operator author performer admin db_user session_user session_user_name who by",
    ),
    Usual(
        Member::ActorName,
        "actor.name",
        TEXT_BYTES_MAX,
        "actor_name username user_name user_full_name full_name user_display_name performed_by_name login login_name actor \
         user performed_by changed_by author session_user_name",
    ),
    Usual(
        Member::ActorEmail,
        "actor.email",
        TEXT_BYTES_MAX,
        "actor_email user_email email email_address mail performed_by_email",
    ),
    Usual(
        Member::BehalfId,
        "actor.on_behalf_of.id",
        TEXT_BYTES_MAX,
        "on_behalf_of on_behalf_of_id on_behalf_of_user_id impersonated_user_id acting_as_id",
    ),
    Usual(
        Member::BehalfName,
        "actor.on_behalf_of.name",
        TEXT_BYTES_MAX,
        "on_behalf_of_name impersonated_user_name impersonated_user",
    ),
    Usual(
        Member::AuthMethod,
        "actor.auth.method",
        KIND_BYTES_MAX,
        "auth_method authentication_method",
    ),
    Usual(Member::SubjectType, "subject.type", KIND_BYTES_MAX, "data_subject_type"),
    Usual(Member::SubjectId, "subject.id", TEXT_BYTES_MAX, "data_subject_id data_subject"),
    Usual(
        Member::Before,
        "changes.before",
        usize::MAX,
        "old_values old_value old_data before old_record old_row old before_data before_value before_values before_state \
         previous_values previous_value previous_data previous prev_value old_state old_json data_before values_before \
         original_data original from_value row_data object",
    ),
    Usual(
        Member::After,
        "changes.after",
        usize::MAX,
        "new_values new_value new_data after new_record new_row new after_data after_value after_values after_state \
         current_value new_state new_json data_after values_after to_value",
    ),
    Usual(
        Member::Changes,
        "changes",
        usize::MAX,
        "changes audited_changes object_changes diff delta changeset change_set modifications changed_values",
    ),
    Usual(Member::ErrorCode, "error.code", KIND_BYTES_MAX, "error_code err_code"),
    Usual(
        Member::ErrorMessage,
        "error.message",
        MESSAGE_BYTES_MAX,
        "error_message error_msg error failure_reason exception error_text error_description",
    ),
    Usual(
        Member::Ip,
        "context.ip",
        TEXT_BYTES_MAX,
        "ip ip_address ip_addr ipaddress client_ip remote_ip source_ip actor_ip user_ip client_addr remote_addr \
         remote_address client_address source_ip_address ip_v4",
    ),
    Usual(
        Member::UserAgent,
        "context.user_agent",
        TEXT_BYTES_MAX,
        "user_agent useragent http_user_agent ua browser",
    ),
    Usual(
        Member::RequestId,
        "context.request_id",
        TEXT_BYTES_MAX,
        "request_id request_uuid req_id x_request_id requestid",
    ),
    Usual(
        Member::CorrelationId,
        "context.correlation_id",
        TEXT_BYTES_MAX,
        "correlation_id correlationid transaction_id txid tx_id batch_id batch_uuid",
    ),
    Usual(
        Member::SessionId,
        "context.session_id",
        TEXT_BYTES_MAX,
        "session_id sessionid session sid session_key",
    ),
    Usual(Member::TraceId, "context.trace_id", TEXT_BYTES_MAX, "trace_id traceid"),
    Usual(Member::SpanId, "context.span_id", TEXT_BYTES_MAX, "span_id spanid"),
    Usual(
        Member::Service,
        "context.service",
        TEXT_BYTES_MAX,
        "service service_name application application_name app app_name",
    ),
    Usual(
        Member::Host,
        "context.host",
        TEXT_BYTES_MAX,
        "host hostname host_name server server_name machine machine_name node",
    ),
    Usual(
        Member::HttpMethod,
        "context.http.method",
        KIND_BYTES_MAX,
        "http_method request_method method",
    ),
    Usual(
        Member::HttpPath,
        "context.http.path",
        PATH_BYTES_MAX,
        "http_path request_path path request_uri uri request_url url endpoint",
    ),
    Usual(
        Member::HttpStatus,
        "context.http.status",
        usize::MAX,
        "http_status status_code http_status_code response_code response_status",
    ),
    Usual(
        Member::Details,
        "details",
        usize::MAX,
        "details metadata meta extra extra_data additional_data properties data payload context params attributes info json",
    ),
];

/// What it is called.
pub(super) fn usual(member: Member) -> &'static Usual {
    USUAL.iter().find(|usual| usual.0 == member).expect("each member is in the table")
}

/// The member of a name.
pub(super) fn named(name: &str) -> Option<Member> {
    USUAL.iter().find(|usual| usual.1 == name).map(|usual| usual.0)
}
