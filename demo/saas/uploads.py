"""Files as browsers send them: the one part of a multipart/form-data body that is named `file`."""

from email.parser import BytesParser
from email.policy import HTTP

from starlette.requests import Request

from demo.saas.server import Json


def is_multipart(request: Request) -> bool:
    """Whether the body is such a form."""
    return request.headers.get("content-type", "").startswith("multipart/form-data")


async def uploaded(request: Request) -> Json:
    """`filename`, `mimeType` and `content` of the file. Raises ValueError when there is none."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    form = BytesParser(policy=HTTP).parsebytes(head + await request.body())
    for part in form.iter_parts():
        if part.get_param("name", header="content-disposition") == "file":
            content = part.get_payload(decode=True)
            return {"filename": part.get_filename(), "mimeType": part.get_content_type(), "content": content}
    raise ValueError("no part is named file")
