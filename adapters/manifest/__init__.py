"""What the built-in operations take, give and promise; to read it, no adapter is loaded."""

from adapters.contract import Manifest
from adapters.manifest import container, echo, file, github, http, shell, smtp, sql, table, text

BUILT_IN: tuple[Manifest, ...] = (
    container.BUILD,
    container.RUN,
    echo.MANIFEST,
    file.LIST,
    github.COMMENT,
    github.FILES,
    github.STATUS,
    http.MANIFEST,
    http.DOWNLOAD,
    shell.MANIFEST,
    smtp.MANIFEST,
    sql.QUERY,
    sql.LOAD,
    table.MANIFEST,
    text.MANIFEST,
)
