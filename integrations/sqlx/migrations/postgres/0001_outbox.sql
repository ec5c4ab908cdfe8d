-- The outbox of Indelible's recorder. Safe to run again.

CREATE TABLE IF NOT EXISTS indelible_outbox_schema (
    version    bigint PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS indelible_outbox (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The event's id, by which it is kept once however often it is sent.
    id         text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    trail      text,
    event_type text NOT NULL,
    -- The event, exactly as it will be sent: not jsonb, which would change its bytes.
    json       text NOT NULL,
    attempts   bigint NOT NULL DEFAULT 0,
    last_error text,
    -- Set once it was refused: it is not sent again by itself, and nobody but you deletes it.
    refused_at timestamptz
);

-- One row: which relay is at work, and until when others leave it alone.
CREATE TABLE IF NOT EXISTS indelible_outbox_relay (
    only_one   boolean PRIMARY KEY CHECK (only_one),
    term       bigint NOT NULL,
    until_time timestamptz NOT NULL
);

INSERT INTO indelible_outbox_relay (only_one, term, until_time) VALUES (true, 0, 'epoch') ON CONFLICT DO NOTHING;
INSERT INTO indelible_outbox_schema (version) VALUES (1) ON CONFLICT DO NOTHING;
