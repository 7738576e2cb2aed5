-- What reviews are asked to try out. `trusted` is the head of a fork of which somebody who may write
-- has said that it may be; `previews` are what was asked for of the head that was looked at last, the
-- latest last: `{"workflow": ..., "inputs": {...}, "text": ...}`, with no text until it was made.
ALTER TABLE reviews
    ADD COLUMN trusted text NOT NULL DEFAULT '',
    ADD COLUMN previews jsonb NOT NULL DEFAULT '[]';
