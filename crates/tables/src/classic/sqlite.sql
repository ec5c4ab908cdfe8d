-- The classic audit table, as Indelible writes it. Layout 1. Times are texts such as 2026-01-02T03:04:05.000000Z.
CREATE TABLE {table} (
  trail TEXT NOT NULL,                -- whose log, and the place there: together they name an event
  seq INTEGER NOT NULL,
  id TEXT NOT NULL,                   -- the event's id, unique within its trail
  leaf TEXT NOT NULL,                 -- its leaf hash (hex), by which it is proved against the log
  occurred_at TEXT NOT NULL,          -- when it happened; when it was recorded, where nobody said
  recorded_at TEXT NOT NULL,
  user_id TEXT, user_type TEXT, user_name TEXT, user_email TEXT,
  on_behalf_of TEXT,                  -- the id of whom the user acted for
  action TEXT NOT NULL, category TEXT, outcome TEXT,
  resource_type TEXT, resource_id TEXT, resource_name TEXT,
  old_values TEXT, new_values TEXT, details TEXT,
  ip_address TEXT, user_agent TEXT,
  request_id TEXT, correlation_id TEXT, session_id TEXT,
  error_code TEXT, error_message TEXT,
  event TEXT NOT NULL,                -- the whole of it
  altered TEXT,                       -- columns that hold less than the event, as SQLite does not take all of it
  PRIMARY KEY (trail, seq)
);
CREATE INDEX {index:time} ON {name} (occurred_at);
CREATE INDEX {index:user} ON {name} (user_id, occurred_at);
CREATE INDEX {index:resource} ON {name} (resource_type, resource_id, occurred_at);
CREATE INDEX {index:action} ON {name} (action, occurred_at);
CREATE INDEX {index:correlation} ON {name} (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX {index:id} ON {name} (id);

CREATE TRIGGER {trigger:update} BEFORE UPDATE ON {name} BEGIN
  SELECT RAISE(ABORT, 'this table is append-only: UPDATE is refused');
END;
CREATE TRIGGER {trigger:delete} BEFORE DELETE ON {name} BEGIN
  SELECT RAISE(ABORT, 'this table is append-only: DELETE is refused');
END;
-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER {trigger:replace} BEFORE INSERT ON {name}
WHEN EXISTS (SELECT 1 FROM {name} WHERE trail = NEW.trail AND seq = NEW.seq) BEGIN
  SELECT RAISE(IGNORE);
END;

CREATE TABLE IF NOT EXISTS {layouts} (
  table_name TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
);
INSERT INTO {layouts} (table_name, version) VALUES ({literal}, 1);
