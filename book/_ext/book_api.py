"""For the reference pages: signatures as they are written, and names that find their place.

What Sphinx shows by itself is what Python evaluates, and ``Float[ArrayLike, " b"]`` evaluates to a
union of eight types. So annotations and defaults are copied from the source. That also gives the
arguments of what is wrapped by a decorator or built by a metaclass.
"""

import ast
import inspect
import re
import sys
import textwrap
from importlib import import_module
from operator import attrgetter
from typing import Any

from sphinx.util.nodes import make_refnode

PACKAGE = "workshop_lite"
CODE = re.compile(r"(``.+?``)", re.DOTALL)
SPECIAL = re.compile(r"(?=[|`])|(?=\*\S)|(?<=\w)(?=_(?!\w))")
ONE_AXIS = re.compile(r"(?<=, ')\s+(?=\w+'\])")  # the space that keeps ruff from reading a name
ROW = re.compile(r"^ {4}(\w+) {2,}(.*(?:\n {6,}.*)*)", re.MULTILINE)


def arguments(obj: Any) -> str | None:
    """The arguments of a function or class in parentheses, as its source has them."""
    if not inspect.isclass(obj):
        return written(source(obj).args)
    own = [c for c in obj.__mro__ if c.__module__.startswith(PACKAGE)]
    for cls in own:
        if inspect.isfunction(init := vars(cls).get("__init__")) and is_written(init):
            return without_self(init)
    fields = [f for c in own for f in source(c).body if isinstance(f, ast.AnnAssign)]
    return f"({', '.join(map(plain, fields))})"


def without_self(method: Any) -> str:
    """The arguments of a method as its caller gives them."""
    args = source(method).args
    (args.posonlyargs or args.args).pop(0)
    return written(args)


def written(args: ast.arguments) -> str:
    """The arguments in parentheses."""
    return f"({plain(args)})"


def plain(node: ast.AST) -> str:
    """The source of a part of it, without what it has for the linter's sake."""
    return ONE_AXIS.sub("", ast.unparse(node))


def source(obj: Any) -> ast.stmt:
    """The definition of a function or class, parsed."""
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(obj)))).body[0]


def is_written(function: Any) -> bool:
    """Whether a function stands in a file; what a dataclass generates does not."""
    return function.__code__.co_filename != "<string>"


def signature(app, what, name, obj, options, args, returns):
    """The arguments and the result of an object, from its source."""
    if what == "class":
        return arguments(obj), None
    if what not in ("function", "method"):
        return None
    bound = what == "method" and not isinstance(obj, staticmethod)
    result = source(obj).returns
    text = without_self(obj) if bound else arguments(obj)
    return text, None if result is None else plain(result)


def docstring(app, what, name, obj, options, lines) -> None:
    """Text that is no markup stays as it is; rows of a module's table become a list of terms."""
    text = "\n".join(lines)
    if what == "module":
        text = ROW.sub(lambda m: f"``{m[1]}``\n    {' '.join(m[2].split())}", text)
    parts = CODE.split(text)
    parts[::2] = [SPECIAL.sub(r"\\", part) for part in parts[::2]]
    lines[:] = "".join(parts).splitlines()


def skip(app, what, name, obj, skipped, options) -> bool | None:
    """Calls are shown; fields of a named tuple are not, for its signature has them."""
    if type(obj).__name__ == "_tuplegetter":
        return True
    return False if name == "__call__" and what == "class" else None


def find(app, env, node, shown):
    """A name is looked for without ``workshop_lite.``; in a signature by its last part too.

    What a signature names and the pages do not describe, such as ``Array``, stays plain text. A
    role that finds nothing stays an error.
    """
    if node.get("refdomain") != "py":
        return None
    target, is_role = node["reftarget"], "refexplicit" in node
    domain = env.get_domain("py")
    found = [n for n in (f"{PACKAGE}.{target}",) if n in domain.objects]
    if not found and not is_role:
        found = [n for n in domain.objects if n.endswith(f".{target}")]
    if len(found) != 1:
        return None if is_role else shown
    at = domain.objects[found[0]]
    here = node.get("refdoc", env.docname)
    return make_refnode(app.builder, here, at.docname, at.node_id, shown, found[0])


def address(config, module: str, name: str) -> str | None:
    """Where the source of a name stands in the repository."""
    obj = inspect.unwrap(attrgetter(name)(import_module(module)))
    if not getattr(obj, "__module__", "").startswith(PACKAGE):
        return None  # a value, not a definition
    theme, path = config.html_theme_options, obj.__module__.replace(".", "/")
    path += "/__init__.py" if hasattr(sys.modules[obj.__module__], "__path__") else ".py"
    file = f"{theme['repository_url']}/blob/{theme['repository_branch']}/{path}"
    try:
        lines, first = inspect.getsourcelines(obj)
    except TypeError:
        return None
    return f"{file}#L{first}-L{first + len(lines) - 1}"


def link(app, config) -> None:
    """Tell ``sphinx.ext.linkcode``, whose setting is a function, how to make an address."""
    config.linkcode_resolve = lambda domain, info: (
        address(config, info["module"], info["fullname"]) if info.get("module") else None
    )


def setup(app) -> dict[str, Any]:
    """Called by Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-process-docstring", docstring, priority=400)  # napoleon comes at 500
    app.connect("autodoc-skip-member", skip)
    app.connect("missing-reference", find)
    app.connect("config-inited", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
