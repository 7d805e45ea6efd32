PRAGMA application_id = 1414089804;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE card (
            checkout_id TEXT PRIMARY KEY REFERENCES checkout (id) ON DELETE CASCADE,
            slot INTEGER NOT NULL,
            hidden BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
INSERT INTO "card" VALUES('co_2',1,X'8E16E89AAB69D484A762795B4D6C6A1D');
CREATE TABLE checkout (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            phase TEXT NOT NULL,
            updated TEXT NOT NULL,
            state TEXT NOT NULL
        ) STRICT;
INSERT INTO "checkout" VALUES(1,'co_1','completed','2026-03-02T09:00:05.000000+00:00','{"id":"co_1","created":"2026-03-02T09:00:00Z","updated":"2026-03-02T09:00:05Z","rules":{"confirmed_by":["drawer-closed"],"late_window_s":60.0,"stale_read_s":5.0,"idle_s":120.0},"touched_s":1.5,"phase":"completed","reason":null,"merchantRef":null,"transactionRef":null,"basket":{"products":[{"id":1,"desc":"Brötchen","quantity":2,"priceOne":398,"tax":7}],"currency":"EUR"},"card":{"number":"9276********2845","valid":null,"locked":null,"balance":null},"use_balance":true,"wanted":null,"transaction":null,"amount_due":296,"amount_shown_s":0.0,"bonus_products":[],"payment":{"method":"cash","amount":296,"drawer_trouble":null,"drawer_seen_open":false,"interrupted":false,"evidence":{"kind":"drawer-closed","amount":296,"at":"2026-03-02T09:00:00Z","open_s":3.25,"by":null}},"asking":null,"requests":0,"creates":0,"started_s":9.5,"start_number":1,"refusals":0,"pursuit":null,"waiting_since":null,"error":null,"receipt":{"customer":[],"merchant":[]},"trans_id":"7","receipt_number":null,"resolution":null}');
INSERT INTO "checkout" VALUES(2,'co_2','awaiting_cash','2026-03-02T09:00:03.000000+00:00','{"id":"co_2","created":"2026-03-02T09:00:00Z","updated":"2026-03-02T09:00:03Z","rules":{"confirmed_by":["drawer-closed"],"late_window_s":60.0,"stale_read_s":5.0,"idle_s":120.0},"touched_s":1.5,"phase":"awaiting_cash","reason":null,"merchantRef":null,"transactionRef":null,"basket":{"products":[{"id":1,"desc":"Brötchen","quantity":2,"priceOne":398,"tax":7}],"currency":"EUR"},"card":{"number":"9276********2845","valid":null,"locked":null,"balance":null},"use_balance":true,"wanted":null,"transaction":null,"amount_due":296,"amount_shown_s":0.0,"bonus_products":[],"payment":{"method":"cash","amount":296,"drawer_trouble":null,"drawer_seen_open":false,"interrupted":false,"evidence":null},"asking":null,"requests":0,"creates":0,"started_s":null,"start_number":1,"refusals":0,"pursuit":null,"waiting_since":null,"error":null,"receipt":{"customer":[],"merchant":[]},"trans_id":null,"receipt_number":null,"resolution":null}');
CREATE TABLE event (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            checkout_id TEXT REFERENCES checkout (id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            at TEXT NOT NULL,
            data TEXT NOT NULL,
            situation TEXT NOT NULL,
            changes TEXT
        ) STRICT;
INSERT INTO "event" VALUES(1,'co_1','BasketSet','2026-03-02T09:00:00.000000+00:00','{}','{"now_s":1.5,"api":"online","drawer":"closed","offline_refusal":null,"card_waiting":false}','{"id":"co_1","created":"2026-03-02T09:00:00Z","updated":"2026-03-02T09:00:00Z","rules":{"confirmed_by":["drawer-closed"],"late_window_s":60.0,"stale_read_s":5.0,"idle_s":120.0},"touched_s":1.5,"phase":"draft","reason":null,"merchantRef":null,"transactionRef":null,"basket":{"products":[{"id":1,"desc":"Brötchen","quantity":2,"priceOne":398,"tax":7}],"currency":"EUR"},"card":null,"use_balance":false,"wanted":null,"transaction":null,"amount_due":null,"amount_shown_s":0.0,"bonus_products":[],"payment":null,"asking":null,"requests":0,"creates":0,"started_s":null,"start_number":1,"refusals":0,"pursuit":null,"waiting_since":null,"error":null,"receipt":{"customer":[],"merchant":[]},"trans_id":null,"receipt_number":null,"resolution":null}');
INSERT INTO "event" VALUES(2,'co_1','CardSet','2026-03-02T09:00:01.000000+00:00','{"number":"9276********2845","same":false}','{"now_s":1.5,"api":"online","drawer":"closed","offline_refusal":null,"card_waiting":false}','{"updated":"2026-03-02T09:00:01Z","card":{"number":"9276********2845","valid":null,"locked":null,"balance":null}}');
INSERT INTO "event" VALUES(3,'co_1','ApplyAsked','2026-03-02T09:00:02.000000+00:00','{"use_balance":true}','{"now_s":1.5,"api":"online","drawer":"closed","offline_refusal":null,"card_waiting":false}','{"updated":"2026-03-02T09:00:02Z","phase":"applying","use_balance":true}');
INSERT INTO "event" VALUES(4,'co_1','PayAsked','2026-03-02T09:00:03.000000+00:00','{"method":"cash","amount":296}','{"now_s":1.5,"api":"online","drawer":"closed","offline_refusal":null,"card_waiting":false}','{"updated":"2026-03-02T09:00:03Z","phase":"awaiting_cash","amount_due":296,"payment":{"method":"cash","amount":296,"drawer_trouble":null,"drawer_seen_open":false,"interrupted":false,"evidence":null}}');
INSERT INTO "event" VALUES(5,'co_1','CashConfirmed','2026-03-02T09:00:04.000000+00:00','{"evidence":{"kind":"drawer-closed","amount":296,"at":"2026-03-02T09:00:00Z","open_s":3.25,"by":null}}','{"now_s":1.5,"api":"online","drawer":"closed","offline_refusal":null,"card_waiting":false}','{"updated":"2026-03-02T09:00:04Z","phase":"starting","payment":{"method":"cash","amount":296,"drawer_trouble":null,"drawer_seen_open":false,"interrupted":false,"evidence":{"kind":"drawer-closed","amount":296,"at":"2026-03-02T09:00:00Z","open_s":3.25,"by":null}},"started_s":9.5}');
INSERT INTO "event" VALUES(6,'co_1','StartAnswered','2026-03-02T09:00:05.000000+00:00','{"number":3,"facts":{"id":"STX_1","status":"ok","sum":796,"missing_sum":null,"updated":null,"card":null,"trans_id":null,"receipt_number":null}}','{"now_s":1.5,"api":"online","drawer":"closed","offline_refusal":null,"card_waiting":false}','{"updated":"2026-03-02T09:00:05Z","phase":"completed","trans_id":"7"}');
INSERT INTO "event" VALUES(7,'co_2','BasketSet','2026-03-02T09:00:00.000000+00:00','{}','{"now_s":1.5,"api":"online","drawer":"closed","offline_refusal":null,"card_waiting":false}','{"id":"co_2","created":"2026-03-02T09:00:00Z","updated":"2026-03-02T09:00:00Z","rules":{"confirmed_by":["drawer-closed"],"late_window_s":60.0,"stale_read_s":5.0,"idle_s":120.0},"touched_s":1.5,"phase":"draft","reason":null,"merchantRef":null,"transactionRef":null,"basket":{"products":[{"id":1,"desc":"Brötchen","quantity":2,"priceOne":398,"tax":7}],"currency":"EUR"},"card":null,"use_balance":false,"wanted":null,"transaction":null,"amount_due":null,"amount_shown_s":0.0,"bonus_products":[],"payment":null,"asking":null,"requests":0,"creates":0,"started_s":null,"start_number":1,"refusals":0,"pursuit":null,"waiting_since":null,"error":null,"receipt":{"customer":[],"merchant":[]},"trans_id":null,"receipt_number":null,"resolution":null}');
INSERT INTO "event" VALUES(8,'co_2','CardSet','2026-03-02T09:00:01.000000+00:00','{"number":"9276********2845","same":false}','{"now_s":1.5,"api":"online","drawer":"closed","offline_refusal":null,"card_waiting":false}','{"updated":"2026-03-02T09:00:01Z","card":{"number":"9276********2845","valid":null,"locked":null,"balance":null}}');
INSERT INTO "event" VALUES(9,'co_2','ApplyAsked','2026-03-02T09:00:02.000000+00:00','{"use_balance":true}','{"now_s":1.5,"api":"online","drawer":"closed","offline_refusal":null,"card_waiting":false}','{"updated":"2026-03-02T09:00:02Z","phase":"applying","use_balance":true}');
INSERT INTO "event" VALUES(10,'co_2','PayAsked','2026-03-02T09:00:03.000000+00:00','{"method":"cash","amount":296}','{"now_s":1.5,"api":"online","drawer":"closed","offline_refusal":null,"card_waiting":false}','{"updated":"2026-03-02T09:00:03Z","phase":"awaiting_cash","amount_due":296,"payment":{"method":"cash","amount":296,"drawer_trouble":null,"drawer_seen_open":false,"interrupted":false,"evidence":null}}');
INSERT INTO "event" VALUES(11,NULL,'DrawerOpening','2026-03-02T09:00:00.000000+00:00','{"reason":"change","by":"Erika"}','{"now_s":1.5,"api":"online","drawer":"closed","offline_refusal":null,"card_waiting":false}',NULL);
CREATE TABLE idempotency (
            key TEXT PRIMARY KEY,
            digest TEXT NOT NULL,
            sequence INTEGER NOT NULL REFERENCES event (sequence) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
CREATE TABLE meta (id TEXT NOT NULL, created TEXT NOT NULL, whole_from INTEGER NOT NULL) STRICT;
INSERT INTO "meta" VALUES('74e472f6ffj','2026-11-22T17:06:44.541Z',1);
CREATE INDEX checkout_phase ON checkout (phase);
CREATE INDEX checkout_finished ON checkout (updated)
            WHERE phase IN ('cancelled', 'completed', 'failed', 'resolved');
CREATE INDEX event_checkout ON event (checkout_id);
CREATE INDEX idempotency_event ON idempotency (sequence);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('event',11);
COMMIT;
