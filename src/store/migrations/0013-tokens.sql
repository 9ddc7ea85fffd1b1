-- Who may use the HTTP API. :OWN is our schema.
--
-- A token itself is kept nowhere, only its SHA-256: 256 bits of chance need no slower hash. A
-- revoked token keeps its row, so that its name still says who asked for a job, and so that an
-- API that was closed by its first token never opens again by itself.

create table :OWN.tokens (
  id bigint primary key generated always as identity,
  name text not null check (length(name) between 1 and 100),
  sha256 bytea not null unique check (length(sha256) = 32),
  scopes text[] not null
    check (scopes <@ array['enqueue', 'read', 'operate'] and scopes <> '{}'),
  created_at timestamptz not null default now(),
  -- Null = never.
  expires_at timestamptz,
  -- To the minute.
  last_used_at timestamptz,
  revoked_at timestamptz
);

create unique index tokens_in_use on :OWN.tokens (name) where revoked_at is null;

comment on table :OWN.tokens is
  'Tokens of the HTTP API, by their SHA-256. Made and revoked by `taskrun token`.';
