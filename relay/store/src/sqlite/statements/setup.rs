//! Projects, keys, configurations, secrets, the stop list and the sign-in of devices.

statements! {
    PROJECTS = "SELECT id, name, configuration, stop, created_at FROM projects ORDER BY name";
    PUT_PROJECT = "INSERT INTO projects (id, name, configuration, stop, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, stop = excluded.stop";
    KEYS = "SELECT id, project, hash, sandbox, scopes, label, created_at, revoked_at FROM keys
        WHERE revoked_at IS NULL ORDER BY id";
    PUT_KEY = "INSERT OR REPLACE INTO keys (id, project, hash, sandbox, scopes, label, created_at, revoked_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    CONFIGURATION = "SELECT project, version, bundle, digest, applied_at, applied_by FROM configurations
        WHERE project = ?1 AND version = ?2";
    CONFIGURATIONS = "SELECT project, version, '', digest, applied_at, applied_by FROM configurations
        WHERE project = ?1 AND version < ?2 ORDER BY version DESC LIMIT ?3";
    GO_LIVE = "UPDATE projects SET configuration = ?2, name = ?3 WHERE id = ?1 AND configuration = ?2 - 1";
    ADD_CONFIGURATION = "INSERT INTO configurations (project, version, bundle, digest, applied_at, applied_by)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    SECRET = "SELECT project, name, sealed, set_at FROM secrets WHERE project = ?1 AND name = ?2";
    PUT_SECRET = "INSERT OR REPLACE INTO secrets (project, name, sealed, set_at) VALUES (?1, ?2, ?3, ?4)";
    STOP_LIST = "SELECT id, project, channel, address, reason, at FROM stop_list WHERE project = ?1
        AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3";
    ADD_STOP_ENTRY = "INSERT INTO stop_list (project, id, channel, address, reason, at, compared)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    SAME_STOP_ENTRY = "SELECT id, project, channel, address, reason, at FROM stop_list
        WHERE project = ?1 AND channel = ?2 AND compared = ?3";
    REMOVE_STOP_ENTRY = "DELETE FROM stop_list WHERE project = ?1 AND id = ?2
        RETURNING id, project, channel, address, reason, at";
    OWNERS_OF_ADDRESS = "SELECT project, recipient FROM endpoints
        WHERE project = ?1 AND channel = ?2 AND compared = ?3";
    RAISE_VERSIONS = "UPDATE inboxes SET version = version + 1 WHERE project = ?1 AND recipient IN
        (SELECT recipient FROM endpoints WHERE project = ?1 AND channel = ?2 AND compared = ?3)";

    HOOKS = "SELECT project, name, told, failed, next_at, code, gone FROM hooks WHERE project = ?1 ORDER BY name";
    PUT_HOOK = "INSERT OR REPLACE INTO hooks (project, name, told, failed, next_at, code, gone)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    REMOVE_HOOK = "DELETE FROM hooks WHERE project = ?1 AND name = ?2";
    FEED_BEFORE = "SELECT number FROM feed WHERE project = ?1 AND at < ?2 ORDER BY number DESC LIMIT 1";

    PUT_CONNECT_CODE = "INSERT OR REPLACE INTO connect_codes (hash, project, recipient, expires_at)
        VALUES (?1, ?2, ?3, ?4)";
    TAKE_CONNECT_CODE = "DELETE FROM connect_codes WHERE hash = ?1 RETURNING hash, project, recipient, expires_at";
    DEVICE_TOKEN = "SELECT project, recipient, device, family, current, previous, previous_at, last_answer, used_at
        FROM device_tokens WHERE current = ?1 OR previous = ?1 OR family = ?2 LIMIT 1";
    ERASED_TOKEN = "SELECT 1 FROM erased_tokens WHERE hash IN (?1, ?2) LIMIT 1";
    PUT_DEVICE_TOKEN = "INSERT OR REPLACE INTO device_tokens (project, recipient, device, current, previous,
            previous_at, last_answer, used_at, family)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?10 WHERE ?9 IS NULL OR EXISTS (SELECT 1 FROM device_tokens
            WHERE project = ?1 AND recipient = ?2 AND device = ?3 AND current = ?9)";
    REMOVE_DEVICE_TOKEN = "DELETE FROM device_tokens WHERE project = ?1 AND recipient = ?2 AND device = ?3";
    REVOKE_DEVICE = "UPDATE devices SET revoked_at = coalesce(revoked_at, ?4)
        WHERE project = ?1 AND recipient = ?2 AND device = ?3";
    STANDING = "SELECT (SELECT at FROM erased WHERE project = ?1 AND name = ?2),
        (SELECT revoked_at FROM devices WHERE project = ?1 AND recipient = ?3 AND device = ?4)";
}
