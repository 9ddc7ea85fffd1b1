-- Who is signed in to the HTTP API, and what was asked with an Idempotency-Key. :OWN is our schema.

-- Accounts only count where the API needs no token; from the first token on they let nobody in.
create table :OWN.accounts (
  id bigint primary key generated always as identity,
  username text not null unique check (length(username) between 1 and 100),
  email text not null unique check (length(email) between 3 and 320),
  -- scrypt, with its salt: see store/accounts.
  password_hash text not null,
  created_at timestamptz not null default now()
);

comment on table :OWN.accounts is
  'Accounts of the HTTP API, for as long as it needs no token and listens on one machine.';

-- Of a browser that showed a token or a one-time link, or of an account. By its SHA-256, like a
-- token. A session of a token lasts no longer than the token.
create table :OWN.sessions (
  sha256 bytea primary key check (length(sha256) = 32),
  token_id bigint references :OWN.tokens on delete cascade,
  account_id bigint references :OWN.accounts on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

comment on table :OWN.sessions is 'Who is signed in to the HTTP API, by SHA-256.';

-- What POST /tasks answered to a key, for a day. The row is written before the job, in the same
-- transaction: a twin waits for it, and then has the same answer.
create table :OWN.idempotency_keys (
  -- The token's name; "" without one.
  caller text not null,
  key text not null,
  body_sha256 bytea not null,
  answer jsonb,
  created_at timestamptz not null default now(),
  primary key (caller, key)
);
create index idempotency_keys_by_age on :OWN.idempotency_keys (created_at);
