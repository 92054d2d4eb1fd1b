-- Two more things that a text tells: whether it has a number, and how often its writer speaks of themselves (0 to 3).

alter table memories
    add column tells_number boolean not null default false,
    add column first_person smallint not null default 0;

-- Rows that an earlier version of the analysis made, for the pass that makes them again (app/store/reanalysis.py).
drop index memories_earlier_analysis;
create index memories_earlier_analysis on memories (id) where analysis < 3;
