-- The outbox of Indelible's recorder. Safe to run again.

CREATE TABLE IF NOT EXISTS indelible_outbox_schema (
    version    INTEGER PRIMARY KEY,
    applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE TABLE IF NOT EXISTS indelible_outbox (
    -- Never given twice, so that what was moved and what is new cannot be mistaken for each other.
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The event's id, by which it is kept once however often it is sent.
    id         TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    trail      TEXT,
    event_type TEXT NOT NULL,
    -- The event, exactly as it will be sent.
    json       TEXT NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    -- Set once it was refused: it is not sent again by itself, and nobody but you deletes it.
    refused_at TEXT
);

-- One row: which relay is at work, and until when others leave it alone.
CREATE TABLE IF NOT EXISTS indelible_outbox_relay (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    term     INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
);

INSERT INTO indelible_outbox_relay (only_one, term, until_ms) VALUES (1, 0, 0) ON CONFLICT DO NOTHING;
INSERT INTO indelible_outbox_schema (version) VALUES (1) ON CONFLICT DO NOTHING;
