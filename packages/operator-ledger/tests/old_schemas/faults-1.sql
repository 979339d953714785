BEGIN TRANSACTION;
CREATE TABLE fault_journal_versions (
	version INTEGER NOT NULL, 
	title VARCHAR(200) NOT NULL, 
	applied_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "fault_journal_versions" VALUES(1,'first','2026-11-22T16:48:27.924202Z');
CREATE TABLE faults (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	deployment VARCHAR(200) NOT NULL, 
	format INTEGER NOT NULL, 
	fault TEXT NOT NULL, 
	undo TEXT NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	planned_at VARCHAR(27) NOT NULL, 
	injected_at VARCHAR(27), 
	healed_at VARCHAR(27)
);
INSERT INTO "faults" VALUES(1,'lab',1,'{"name":"cut","target":{"kind":"node","id":"1"},"toward":{"kind":"node","id":"3"},"parameters":{"loss":0.5}}','{"steps":{"link":"n1-a","rule":"drop \"all\""}}','planned','2026-03-01T12:00:00.000000Z',NULL,NULL);
INSERT INTO "faults" VALUES(2,'lab',1,'{"name":"kill","target":{"kind":"node","id":"2"},"toward":null,"parameters":{}}','{"steps":{"link":"n1-a","rule":"drop \"all\""}}','injected','2026-03-01T12:00:01.000000Z','2026-03-01T12:00:11.000000Z',NULL);
INSERT INTO "faults" VALUES(3,'lab',1,'{"name":"pause","target":{"kind":"node","id":"3"},"toward":null,"parameters":{}}','{"steps":{"link":"n1-a","rule":"drop \"all\""}}','healed','2026-03-01T12:00:02.000000Z','2026-03-01T12:00:12.000000Z','2026-03-01T12:00:22.000000Z');
CREATE INDEX faults_by_state ON faults (deployment, state);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('faults',3);
COMMIT;
