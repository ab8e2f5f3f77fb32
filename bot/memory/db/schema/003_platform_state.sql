-- State that a platform keeps of its own account, for example the digest of its command menu: no user setting.
-- A scope is `platform/account`. The rows of earlier versions stood among the settings.
CREATE TABLE platform_state (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
INSERT INTO platform_state (scope, name, value)
SELECT scope, key, value FROM settings WHERE key IN ('since', 'catch_up', 'menu', 'done');
DELETE FROM settings WHERE key IN ('since', 'catch_up', 'menu', 'done');

PRAGMA user_version = 3;
