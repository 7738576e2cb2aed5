"""From a layout to text in the one style."""

from collections.abc import Sequence

from engine.core.format import scalar
from engine.core.format.column import WIDTH, Line, Pair, beside, rooms
from engine.core.format.tree import Collection, Comment, Entry, Layout, Text

_STEP = 2  # spaces of indentation
_ROOT = -_STEP
_LONGEST_KEY = 1_000  # YAML knows a longer key, and one that is not there, only by its `?`


def render(layout: Layout) -> str:
    """Return the text of a layout; it ends with a line end unless it is empty."""
    lines: list[Line] = []
    for root in layout.documents:
        if lines:
            lines.append(Line("---", root.head[0] if root.head else None))
        lines += _entry(root, _ROOT)
    lines += _alone(layout.rest, 0, opens=True)
    return "".join(f"{line}\n" for line in beside(lines))


def _entry(entry: Entry, indent: int, *, opens: bool = True, room: int = 1) -> list[Line]:
    """Return the lines of an entry; `opens`: no empty line may stand before it."""
    lines = _alone(entry.above, max(indent, 0), opens=opens)
    if entry.blank and (lines or not opens):
        lines.append(Line(""))
    head = _head(entry, indent)
    if entry.key is not None and not 1 < len(head) - indent < _LONGEST_KEY:
        lines.append(Line(f"{' ' * indent}? {head[indent:-1]}".rstrip()))
        head = " " * indent + ":"
    if isinstance(entry.value, Text) or _in_flow(entry, indent) is not None:
        lines += _text(entry, head, indent + _STEP, room)
    else:
        lines += _block(entry, entry.value, head, indent + _STEP)
    return lines + _alone(entry.below, indent + _STEP)


def _head(entry: Entry, indent: int) -> str:
    """Return the key with its colon, or the dash, indented; of a root nothing."""
    if indent == _ROOT:
        return ""
    return " " * indent + ("-" if entry.key is None else f"{scalar.on_one_line(entry.key)}:")


def _text(entry: Entry, head: str, indent: int, room: int) -> list[Line]:
    """Return the lines of a value that has no entries on lines of their own."""
    before, after = list(entry.head if head else ()), entry.tail
    if after is None and len(before) == 1 and not before[0].alone:
        before, after = [], before[0]
    content = _content(entry, max(indent, _STEP))
    if head and (before or _stays_below(entry, head, content)):
        first = before.pop(0) if before and not before[0].alone else None
        lines = [Line(head, first), *_alone(before, indent)]
        if content != [""]:
            lines += [Line(" " * indent + content[0]), *map(Line, content[1:])]
    else:
        content[0] = f"{head}{' ' * room}{content[0]}" if head and content[0] else head + content[0]
        lines = [Line(each) for each in content]
    is_block = isinstance(entry.value, Text) and entry.value.is_block
    lines[-len(content) if is_block else -1].comment = after
    return lines


def _content(entry: Entry, indent: int) -> list[str]:
    if isinstance(entry.value, Text):
        return scalar.lines(entry.value, indent)
    return [_flow(entry.value, WIDTH) or ""]


def _stays_below(entry: Entry, head: str, content: Sequence[str]) -> bool:
    """True for a text that began on a line of its own and has a reason to."""
    value = entry.value
    if entry.column is not None or not isinstance(value, Text) or value.is_block:
        return False
    return len(content) > 1 or len(head) + 1 + len(content[0]) > WIDTH


def _block(entry: Entry, value: Collection, head: str, indent: int) -> list[Line]:
    """Return the head of a collection, and its entries below or beside it."""
    lines: list[Line] = []
    pairs = [_pair(each, indent) for each in value.entries]
    for index, (each, room) in enumerate(zip(value.entries, rooms(pairs), strict=True)):
        lines += _entry(each, indent, opens=not index, room=room)
    comments = list(entry.head if head else ())
    if entry.tail is not None:
        comments.append(entry.tail)
    first = comments.pop(0) if head and comments else None
    lines += _alone(comments, indent)
    if head and entry.key is None and first is None and not value.entries[0].above:
        lines[0].content = f"{head} {lines[0].content[indent:]}"
    elif head:
        lines.insert(0, Line(head, first))
    return lines


def _pair(entry: Entry, indent: int) -> Pair | None:
    """Return the lengths of a key and its value, if both stand on one line."""
    value = entry.value
    if entry.key is None or entry.column is None or any(each.alone for each in entry.head):
        return None
    if isinstance(value, Text) and (value.is_block or value.is_long):
        return None
    text = _in_flow(entry, indent) if isinstance(value, Collection) else scalar.on_one_line(value)
    if text is None:
        return None
    begins = entry.blank or bool(entry.above)
    return Pair(entry.column, len(_head(entry, indent)), len(text), begins)


def _in_flow(entry: Entry, indent: int) -> str | None:
    """Return a collection in brackets, if it was so and fits beside the head of its entry."""
    if not isinstance(entry.value, Collection) or not entry.value.is_flow:
        return None
    head = _head(entry, indent)
    return _flow(entry.value, WIDTH - len(head) - bool(head))


def _flow(value: Collection, room: int) -> str | None:
    """Return a collection in brackets, or nothing once it takes more columns than `room`."""
    text = "{" if value.is_mapping else "["
    for index, each in enumerate(value.entries):
        text += ", " if index else ""
        text += "" if each.key is None else f"{scalar.on_one_line(each.key)}: "
        if isinstance(each.value, Text):
            text += scalar.on_one_line(each.value)
        else:
            text += _flow(each.value, room - len(text) - 1) or " " * room
        if len(text) >= room:
            return None
    return text + ("}" if value.is_mapping else "]")


def _alone(comments: Sequence[Comment], indent: int, *, opens: bool = False) -> list[Line]:
    """Return comments on lines of their own, each after an empty line if there was one."""
    lines: list[Line] = []
    for comment in comments:
        if comment.blank and (lines or not opens):
            lines.append(Line(""))
        lines.append(Line(" " * indent + comment.text))
    return lines
