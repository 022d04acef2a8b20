"""The fields of Bitbucket Cloud's answers that we read; everything else is ignored."""

from pydantic import BaseModel, JsonValue, TypeAdapter


class Hash(BaseModel):
    """A commit by its id."""

    hash: str
    message: str = ""


class Link(BaseModel):
    """An address."""

    href: str = ""


class Links(BaseModel):
    """Where things are shown."""

    html: Link = Link()


class Commit(Hash):
    """GET /commit/{commit}."""

    parents: list[Hash] = []
    links: Links = Links()


class Path(BaseModel):
    """A file."""

    path: str = ""


class Stat(BaseModel):
    """One file of GET /diffstat/{spec}."""

    status: str = "modified"
    old: Path | None = None
    new: Path | None = None

    @property
    def before(self) -> str:
        """Its path before."""
        return self.old.path if self.old else ""

    @property
    def path(self) -> str:
        """Its path after, or before where it is gone."""
        return self.new.path if self.new else self.before


class Stats(BaseModel):
    """A page of them."""

    values: list[Stat] = []
    next: str = ""


class Branch(BaseModel):
    """GET /refs/branches/{name}."""

    target: Hash


class Request(BaseModel):
    """GET /pullrequests/{id}."""

    id: int
    state: str = "OPEN"
    links: Links = Links()


class Requests(BaseModel):
    """A page of them."""

    values: list[Request] = []


class Result(BaseModel):
    """How a pipeline ended."""

    name: str = ""


class State(BaseModel):
    """How a pipeline stands."""

    name: str = ""
    result: Result | None = None


class Target(BaseModel):
    """What a pipeline runs on."""

    type: str = "pipeline_ref_target"
    ref_type: str = "branch"
    ref_name: str = ""
    commit: Hash | None = None
    selector: dict[str, JsonValue] | None = None


class Pipeline(BaseModel):
    """GET /pipelines/{uuid}."""

    build_number: int = 0
    state: State = State()
    target: Target = Target()


class Pipelines(BaseModel):
    """A page of them."""

    values: list[Pipeline] = []


COMMIT, STATS, BRANCH, REQUEST, REQUESTS, PIPELINE, PIPELINES = (
    TypeAdapter(Commit), TypeAdapter(Stats), TypeAdapter(Branch), TypeAdapter(Request),
    TypeAdapter(Requests), TypeAdapter(Pipeline), TypeAdapter(Pipelines),
)  # fmt: skip
