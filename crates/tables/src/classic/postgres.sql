-- The classic audit table, as Indelible writes it. Layout 1.
CREATE TABLE {table} (
  trail text NOT NULL,                -- whose log, and the place there: together they name an event
  seq bigint NOT NULL,
  id uuid NOT NULL,                   -- the event's id, unique within its trail
  leaf text NOT NULL,                 -- its leaf hash (hex), by which it is proved against the log
  occurred_at timestamptz NOT NULL,   -- when it happened; when it was recorded, where nobody said
  recorded_at timestamptz NOT NULL,
  user_id text, user_type text, user_name text, user_email text,
  on_behalf_of text,                  -- the id of whom the user acted for
  action text NOT NULL, category text, outcome text,
  resource_type text, resource_id text, resource_name text,
  old_values jsonb, new_values jsonb, details jsonb,
  ip_address text, user_agent text,
  request_id text, correlation_id text, session_id text,
  error_code text, error_message text,
  event jsonb NOT NULL,               -- the whole of it
  altered text,                       -- columns that hold less than the event, as PostgreSQL does not take all of it
  PRIMARY KEY (trail, seq)
);
CREATE INDEX {index:time} ON {table} (occurred_at);
CREATE INDEX {index:user} ON {table} (user_id, occurred_at);
CREATE INDEX {index:resource} ON {table} (resource_type, resource_id, occurred_at);
CREATE INDEX {index:action} ON {table} (action, occurred_at);
CREATE INDEX {index:correlation} ON {table} (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX {index:id} ON {table} (id);

CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $refuse$
BEGIN
  RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
    USING HINT = 'It is a copy of an audit trail. Whoever owns it can drop the trigger; the log itself stays as it is.';
END
$refuse$;
CREATE TRIGGER {trigger} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION {function}();
-- Also for sessions that replicate.
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};

CREATE TABLE IF NOT EXISTS {layouts} (
  table_name text PRIMARY KEY,
  version integer NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO {layouts} (table_name, version) VALUES ({literal}, 1);
