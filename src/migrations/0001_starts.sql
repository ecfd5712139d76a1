-- Which versions of the desk started on this data, and when: the first thing to read when data looks odd.
CREATE TABLE starts (
    id INTEGER PRIMARY KEY,
    instance TEXT NOT NULL,
    version TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    started_at_unix_secs INTEGER NOT NULL
);
CREATE INDEX starts_by_time ON starts (started_at_unix_secs);
