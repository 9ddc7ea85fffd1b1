-- How many jobs of each task failed, without reading the counts of all that went well. :OWN is our
-- schema.

create index ended_counts_of_failed on :OWN.ended_counts (span, at) where kind = 'failed';
