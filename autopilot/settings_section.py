"""What every section of the settings has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section refuses keys it does not know: a typing error must not silently switch something off."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
