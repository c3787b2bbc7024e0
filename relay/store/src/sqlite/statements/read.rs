//! What readers ask outside of transactions.

statements! {
    // From the newest on: it is asked of a batch that was just written.
    COMMITTED = "SELECT 1 FROM batches WHERE id = ?1 ORDER BY number DESC LIMIT 1";
    // One page a statement: `k` has one row. Joined with it, SQLite would not know so: it would read all that follows the
    // place, to the end of the inbox, and sort it for each page.
    PAGE = "SELECT ", notification_columns!(), " FROM notifications AS n
        LEFT JOIN contents AS c ON c.hash = n.content
        WHERE n.project = (SELECT c0 FROM k) AND n.recipient = (SELECT c1 FROM k) AND n.created_seq IS NOT NULL
            AND n.seq > (SELECT c2 FROM k)
        ORDER BY n.seq LIMIT (SELECT c3 FROM k)";
    HEADS = "SELECT t.project, t.recipient, t.epoch, t.seq FROM k CROSS JOIN inboxes AS t
        WHERE t.project = k.c0 AND t.recipient = k.c1 ORDER BY k.c2";
    DUE_PROJECTS = "WITH RECURSIVE p (project) AS (
            SELECT min(project) FROM due WHERE lane = ?1
            UNION ALL
            SELECT (SELECT min(d.project) FROM due AS d WHERE d.lane = ?1 AND d.project > p.project) FROM p
            WHERE p.project IS NOT NULL)
        SELECT project FROM p WHERE project IS NOT NULL";
    DUE_OF_PROJECT = "SELECT project, recipient, kind, id, rule, at FROM due
        WHERE lane = ?1 AND project = ?2 AND at <= ?3 ORDER BY at, kind, id, rule LIMIT ?4";
    // A few seeks a lane, however many deliveries wait in it: each column is compared by itself, because of a row of several
    // columns SQLite seeks the first alone.
    HANDOVER_LANES = "WITH RECURSIVE p (project, provider, host) AS (
            SELECT d.project, d.provider, d.host FROM deliveries AS d WHERE d.id = (
                SELECT n.id FROM deliveries AS n INDEXED BY deliveries_due
                WHERE n.state = 'waiting' AND n.project > '' AND n.provider > ''
                ORDER BY n.project, n.provider, n.host LIMIT 1)
            UNION ALL
            SELECT d.project, d.provider, d.host FROM p CROSS JOIN deliveries AS d ON d.id = coalesce(
                (SELECT n.id FROM deliveries AS n INDEXED BY deliveries_due
                    WHERE n.state = 'waiting' AND n.project = p.project AND n.provider = p.provider
                        AND n.host > p.host ORDER BY n.host LIMIT 1),
                (SELECT n.id FROM deliveries AS n INDEXED BY deliveries_due
                    WHERE n.state = 'waiting' AND n.project = p.project AND n.provider > p.provider
                    ORDER BY n.provider, n.host LIMIT 1),
                (SELECT n.id FROM deliveries AS n INDEXED BY deliveries_due
                    WHERE n.state = 'waiting' AND n.project > p.project AND n.provider > ''
                    ORDER BY n.project, n.provider, n.host LIMIT 1)))
        SELECT p.project, p.provider, p.host, (SELECT min(u.due) FROM (VALUES (0), (1), (2), (3)) AS r CROSS JOIN deliveries AS u ON u.id = (SELECT d.id FROM deliveries AS d INDEXED BY deliveries_due
                WHERE d.state = 'waiting' AND d.project = p.project AND d.provider = p.provider
                    AND d.host = p.host AND d.urgency = r.column1 ORDER BY d.due, d.id LIMIT 1)) FROM p";
    DUE_HANDOVERS = "SELECT id, project, recipient, address FROM deliveries
        WHERE state = 'waiting' AND project = ?1 AND provider = ?2 AND host = ?6 AND urgency = ?5 AND due <= ?3
        ORDER BY due, id LIMIT ?4";
    BEGUN_HANDOVERS = "SELECT id, project, way FROM deliveries
        WHERE state = 'handing_over' AND id > ?1 ORDER BY id LIMIT ?2";
    ONE_DELIVERY = "SELECT ", delivery_columns!(), " FROM deliveries AS d
        WHERE d.project = ?1 AND d.id = ?2";
    DELIVERY_NAMED = "SELECT ", delivery_columns!(), " FROM deliveries AS d INDEXED BY deliveries_named
        WHERE d.project = ?1 AND d.provider_id = ?2 ORDER BY d.id DESC LIMIT 1";
    PUBLIC_TOKEN = "SELECT hash, project, recipient, opens, made_at, expires_at FROM public_tokens
        WHERE hash = ?1 AND coalesce(expires_at > ?2, true)";
    EXPIRED = "SELECT project, recipient, id FROM notifications
        WHERE state IN ('held', 'active') AND expires_at <= ?1 ORDER BY expires_at, id LIMIT ?2";
    NEXT_DUE = "SELECT min(at) FROM due";
    NEXT_EXPIRY = "SELECT min(expires_at) FROM notifications WHERE state IN ('held', 'active')";

    TALLIES = "SELECT project, rule, trial, variant, displayed, read, clicked, converted FROM tallies
        WHERE project = ?1 AND rule = ?2 ORDER BY trial, variant";
    WINS = "SELECT project, rule, trial, measure, variant, at, configuration, text FROM wins
        WHERE project = ?1 AND rule = ?2";
    SUMS = "SELECT n.category, n.rule, n.packed ->> '$.template', n.packed ->> '$.variant',
            (n.packed ->> '$.released_at') / 10800000 % 8, count(*), sum(n.state = 'reached'),
            count(coalesce(n.packed ->> '$.flags.displayed', n.packed ->> '$.flags.read', n.packed ->> '$.flags.clicked',
            n.packed -> '$.flags.acted', n.packed ->> '$.flags.acknowledged')),
            count(n.packed ->> '$.flags.read'),
            count(n.packed ->> '$.flags.clicked'),
            count(n.packed -> '$.flags.acted'),
            count(n.packed ->> '$.flags.converted'),
            count(n.packed ->> '$.flags.opened_by_program'),
            count(n.packed ->> '$.flags.followed_by_program')
        FROM notifications AS n WHERE n.project = ?1 AND n.created_at >= ?2 AND n.created_at < ?3
        GROUP BY 1, 2, 3, 4, 5";
    SUMS_OF_INBOX = "SELECT 'inapp', count(*), sum(n.inapp_state = 'received'),
            count(iif(n.inapp_state = 'received', coalesce(n.packed ->> '$.flags.displayed', n.packed ->> '$.flags.read', n.packed ->> '$.flags.clicked',
            n.packed -> '$.flags.acted', n.packed ->> '$.flags.acknowledged'), NULL)),
            count(iif(n.inapp_state = 'received', n.packed ->> '$.flags.read', NULL)),
            count(iif(n.inapp_state = 'received', n.packed ->> '$.flags.clicked', NULL)),
            count(iif(n.inapp_state = 'received', n.packed -> '$.flags.acted', NULL)),
            count(iif(n.inapp_state = 'received', n.packed ->> '$.flags.converted', NULL)),
            count(iif(n.inapp_state = 'received', n.packed ->> '$.flags.opened_by_program', NULL)),
            count(iif(n.inapp_state = 'received', n.packed ->> '$.flags.followed_by_program', NULL))
        FROM notifications AS n WHERE n.project = ?1 AND n.created_at >= ?2 AND n.created_at < ?3
        AND n.inapp_state IS NOT NULL HAVING count(*) > 0";
    // A notification counts once on a channel, however many addresses it has there.
    SUMS_OF_CHANNELS = "SELECT d.channel, count(DISTINCT n.id), count(DISTINCT iif(d.state IN ('sent', 'received'), n.id, NULL)),
            count(DISTINCT iif(d.state IN ('sent', 'received') AND coalesce(n.packed ->> '$.flags.displayed', n.packed ->> '$.flags.read', n.packed ->> '$.flags.clicked',
            n.packed -> '$.flags.acted', n.packed ->> '$.flags.acknowledged') IS NOT NULL, n.id, NULL)),
            count(DISTINCT iif(d.state IN ('sent', 'received') AND n.packed ->> '$.flags.read' IS NOT NULL, n.id, NULL)),
            count(DISTINCT iif(d.state IN ('sent', 'received') AND n.packed ->> '$.flags.clicked' IS NOT NULL, n.id, NULL)),
            count(DISTINCT iif(d.state IN ('sent', 'received') AND n.packed -> '$.flags.acted' IS NOT NULL, n.id, NULL)),
            count(DISTINCT iif(d.state IN ('sent', 'received') AND n.packed ->> '$.flags.converted' IS NOT NULL, n.id, NULL)),
            count(DISTINCT iif(d.state IN ('sent', 'received') AND n.packed ->> '$.flags.opened_by_program' IS NOT NULL, n.id, NULL)),
            count(DISTINCT iif(d.state IN ('sent', 'received') AND n.packed ->> '$.flags.followed_by_program' IS NOT NULL, n.id, NULL))
        FROM notifications AS n CROSS JOIN deliveries AS d ON d.notification = n.id
        WHERE n.project = ?1 AND n.created_at >= ?2 AND n.created_at < ?3 GROUP BY 1";
    ACCOUNTING = "SELECT project, day, ledger, term, n FROM accounting WHERE project = ?1";
    // SQLite divides towards zero; the shift keeps days before 1970 apart, too.
    RECOUNT = "SELECT project, day, ledger, term, n FROM purged WHERE project = ?1
        UNION ALL SELECT project, (accepted_at + 8640000000000000) / 86400000 - 100000000, 'events', state, count(*)
            FROM events WHERE project = ?1 GROUP BY 2, 4
        UNION ALL SELECT project, (created_at + 8640000000000000) / 86400000 - 100000000, 'notifications', state,
            count(*) FROM notifications WHERE project = ?1 GROUP BY 2, 4
        UNION ALL SELECT project, (inapp_made_at + 8640000000000000) / 86400000 - 100000000, 'deliveries',
            inapp_state, count(*) FROM notifications WHERE project = ?1 AND inapp_state IS NOT NULL GROUP BY 2, 4
        UNION ALL SELECT project, (made_at + 8640000000000000) / 86400000 - 100000000, 'deliveries', state, count(*)
            FROM deliveries WHERE project = ?1 GROUP BY 2, 4";
    CLICKS = "SELECT category, created_at >= ?3, count(*), count(packed ->> '$.flags.clicked') FROM notifications
        WHERE project = ?1 AND created_at >= ?2 AND created_at < ?4 AND state = 'reached' GROUP BY 1, 2";
    STUCK = "SELECT n.id, n.state, n.expires_at, n.inapp_state = 'placed' OR EXISTS (SELECT 1 FROM deliveries AS d
                WHERE d.notification = n.id AND d.state IN ('waiting', 'handing_over')),
            CASE n.state WHEN 'held' THEN coalesce(
                (SELECT at FROM due WHERE project = n.project AND kind = 'release' AND id = n.id AND rule = ''),
                (SELECT at FROM due WHERE project = n.project AND kind = 'digest' AND id = n.digest AND rule = ''))
            ELSE (SELECT min(at) FROM due
                WHERE project = n.project AND kind IN ('step', 'repeat') AND id = n.id AND rule = '') END
        FROM notifications AS n WHERE n.project = ?1 AND n.state IN ('held', 'active') ORDER BY n.id";
}
