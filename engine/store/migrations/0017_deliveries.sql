-- Deliveries are forgotten by their age, and events have a route that no webhook can have.

CREATE INDEX deliveries_by_time ON deliveries (received_at);

-- What the relay may deliver a second time is known by its new name, too. Ids are looked for in the
-- text, for `->>` fails on what holds an escaped NUL; one too many is of an event that came before.
INSERT INTO deliveries (route, delivery, event, body, received_at)
SELECT sent.namespace || ':events', delivery, event, body, received_at
  FROM (SELECT DISTINCT namespace, found[1] AS id
          FROM outbox, regexp_matches(data::text, '"id":\s*"([0-9a-f-]{36})"', 'g') AS found
         WHERE kind = 'emitted') AS sent
  JOIN deliveries ON route = sent.namespace || '/events' AND delivery = sent.id;
