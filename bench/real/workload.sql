-- SPDX-License-Identifier: MIT
-- Work for the traced SQLite: rows made and indexed, joined, grouped, updated,
-- searched as text, deleted. The caller binds :rows; 1,000 rows make about a
-- million traced calls.
PRAGMA synchronous = off;
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, city INTEGER, born INTEGER);
CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO city
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
	SELECT i, printf('city %03d', i) FROM n;
BEGIN;
INSERT INTO person
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
	SELECT i, printf('person %d of %d', i, i * 7919 % 1000), i * 31 % 100 + 1, 1900 + i * 17 % 120
	FROM n;
COMMIT;
CREATE INDEX person_city ON person(city, born);
CREATE INDEX person_name ON person(name);
SELECT city.name, count(*), avg(born) FROM person JOIN city ON city.id = person.city
	GROUP BY city.id ORDER BY 3 DESC LIMIT 3;
SELECT count(*) FROM person a JOIN person b ON b.city = a.city AND b.born = a.born + 20;
SELECT name, rank() OVER (PARTITION BY city ORDER BY born DESC, id) FROM person
	ORDER BY id LIMIT 3;
UPDATE person SET name = upper(name) || '!' WHERE born % 3 = 0;
SELECT count(*), max(length(name)) FROM person WHERE name LIKE '%ON 9%';
CREATE VIRTUAL TABLE note USING fts5(body);
INSERT INTO note SELECT name || ' lives in ' || city FROM person;
SELECT count(*) FROM note WHERE note MATCH 'lives AND 42';
DELETE FROM person WHERE city > 50;
PRAGMA integrity_check;
