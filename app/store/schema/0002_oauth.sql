-- Sign-in for remote clients (OAuth 2.1): clients, sign-ins in progress, grants and their tokens.
-- Only SHA-256 digests of what clients and browsers hold are kept. Requests cannot read these tables.

-- metadata is what the client said of itself when it registered (RFC 7591).
create table oauth_clients (
    id text primary key,
    name text not null,
    metadata jsonb not null,
    secret_digest bytea,        -- none: a public client, which has its PKCE verifier only
    registration_digest bytea,  -- of the token that lets a client manage its registration (RFC 7592)
    created_at timestamptz not null default now(),
    expires_at timestamptz      -- until when it may stay without a grant; none: made by an operator, stays
);
create index oauth_clients_expiring on oauth_clients (expires_at) where expires_at is not null;

-- A user stands before the consent page. user_id, scopes and browser_digest are set once they proved who they are.
create table oauth_requests (
    digest bytea primary key,
    client_id text not null references oauth_clients (id) on delete cascade,
    redirect_uri text not null,
    redirect_given boolean not null,
    state text,
    asked_scopes text[] not null,
    code_challenge text not null,
    user_id text,
    scopes text[],
    token_id text references tokens (id) on delete cascade,
    browser_digest bytea,
    wrong_proofs integer not null default 0,
    expires_at timestamptz not null
);
create index oauth_requests_client on oauth_requests (client_id);
create index oauth_requests_expiring on oauth_requests (expires_at);

-- What a user allowed a client, with the code that carried it there. It ends with the token that proved the user.
create table oauth_grants (
    id text primary key,
    client_id text not null references oauth_clients (id) on delete cascade,
    user_id text not null,
    scopes text[] not null,
    resource text not null,     -- the PUBLIC_URL it was given at: its tokens open nothing elsewhere
    token_id text references tokens (id) on delete cascade,
    code_digest bytea not null unique,
    code_challenge text not null,
    redirect_uri text not null,
    redirect_given boolean not null,
    code_expires_at timestamptz not null,
    code_used_at timestamptz,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,  -- of its newest refresh token; of the code until that is used
    last_used_at timestamptz,
    revoked_at timestamptz
);
create index oauth_grants_client on oauth_grants (client_id);
create index oauth_grants_user on oauth_grants (user_id);

create table oauth_tokens (
    digest bytea primary key,
    grant_id text not null references oauth_grants (id) on delete cascade,
    kind text not null check (kind in ('access', 'refresh')),
    scopes text[] not null,
    expires_at timestamptz not null,
    replaced_at timestamptz     -- when a refresh token was used; used again after a moment, it was stolen
);
create index oauth_tokens_grant on oauth_tokens (grant_id);
create index oauth_tokens_expiring on oauth_tokens (expires_at);
