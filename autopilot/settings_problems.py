"""What is wrong with the settings file, line by line."""

import yaml
from pydantic import ValidationError


def _line_of(node: yaml.Node | None, path: tuple[str | int, ...]) -> int:
    """The line (1-based) of a path in a YAML document, or of its nearest known parent."""
    line = 1
    for key in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == key), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            child: yaml.Node = node.value[key]
            line, node = child.start_mark.line + 1, child
    return line


def explain(error: ValidationError, text: str, where: str) -> str:
    """One line per problem: file, line, key, what is wrong."""
    node = yaml.compose(text, Loader=yaml.SafeLoader) if text.strip() else None
    problems: list[str] = []
    for item in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in item["loc"])
        problems.append(f"{where}:{_line_of(node, item['loc'])}: {key}: {item['msg']}")
    return "\n".join(problems)
