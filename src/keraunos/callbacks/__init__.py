"""Callbacks: what a program does at the ends of batches, epochs and runs."""

from keraunos import errors as _errors
from keraunos.callbacks.backup_and_restore import BackupAndRestore
from keraunos.callbacks.callback import Callback
from keraunos.callbacks.callback_list import CallbackList
from keraunos.callbacks.csv_logger import CSVLogger
from keraunos.callbacks.early_stopping import EarlyStopping
from keraunos.callbacks.history import History
from keraunos.callbacks.lambda_callback import LambdaCallback
from keraunos.callbacks.learning_rate_scheduler import LearningRateScheduler
from keraunos.callbacks.model_checkpoint import ModelCheckpoint
from keraunos.callbacks.orbax_checkpoint import OrbaxCheckpoint
from keraunos.callbacks.progbar_logger import ProgbarLogger
from keraunos.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from keraunos.callbacks.remote_monitor import RemoteMonitor
from keraunos.callbacks.swap_ema_weights import SwapEMAWeights
from keraunos.callbacks.tensorboard import TensorBoard
from keraunos.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]

__getattr__ = _errors.missing(__name__, globals())
