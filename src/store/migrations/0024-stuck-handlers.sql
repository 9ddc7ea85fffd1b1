-- How many handlers of a process did not stop when they were told to, so that their attempts were
-- settled without them; they run on and hold what they hold. :OWN is our schema.

-- Null: the process does not tell.
alter table :OWN.processes add column stuck integer;
