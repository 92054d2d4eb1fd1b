-- What a used refresh token was replaced with: the digest of its successor, and the salt from which, with the token
-- itself, the same successor is made again for a client that did not get the answer.
alter table oauth_tokens add column successor_digest bytea, add column successor_salt bytea;
