"""Models: Sequential, Functional and subclassed; clone, summary, load."""

from keraunos import errors as _errors
from keraunos._core.layer import Layer as Layer
from keraunos.layers import Input as Input
from keraunos.layers import InputLayer as InputLayer
from keraunos.models.cloning import clone_model as clone_model
from keraunos.models.cloning import model_from_json as model_from_json
from keraunos.models.functional import Functional as Functional
from keraunos.models.model import Model as Model
from keraunos.models.sequential import Sequential as Sequential
from keraunos.saving import load_model as load_model
from keraunos.saving import save_model as save_model

__getattr__ = _errors.missing(__name__, globals())
