"""Layers: one file a family. What stands here is the public namespace, as Keras 3 spells it."""

# ruff: isort: skip_file

from keraunos import errors as _errors
from keraunos._core.layer import (
    Layer as Layer,
)
from keraunos._core.spec import (
    InputSpec as InputSpec,
)
from keraunos.layers.activation import (
    ELU as ELU,
    Activation as Activation,
    LeakyReLU as LeakyReLU,
    PReLU as PReLU,
    ReLU as ReLU,
    Softmax as Softmax,
)
from keraunos.layers.adaptive_pooling import (
    AdaptiveAveragePooling1D as AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D as AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D as AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D as AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D as AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D as AdaptiveMaxPooling3D,
)
from keraunos.layers.attention import (
    AdditiveAttention as AdditiveAttention,
    Attention as Attention,
)
from keraunos.layers.augmentation.affine import (
    RandomRotation as RandomRotation,
    RandomShear as RandomShear,
    RandomTranslation as RandomTranslation,
    RandomZoom as RandomZoom,
)
from keraunos.layers.augmentation.color import (
    RandomBrightness as RandomBrightness,
    RandomColorDegeneration as RandomColorDegeneration,
    RandomColorJitter as RandomColorJitter,
    RandomContrast as RandomContrast,
    RandomGrayscale as RandomGrayscale,
    RandomHue as RandomHue,
    RandomInvert as RandomInvert,
    RandomSaturation as RandomSaturation,
)
from keraunos.layers.augmentation.detail import (
    RandomErasing as RandomErasing,
    RandomGaussianBlur as RandomGaussianBlur,
    RandomSharpness as RandomSharpness,
)
from keraunos.layers.augmentation.flips_and_crops import (
    CenterCrop as CenterCrop,
    RandomCrop as RandomCrop,
    RandomFlip as RandomFlip,
)
from keraunos.layers.augmentation.mixing import (
    CutMix as CutMix,
    MixUp as MixUp,
)
from keraunos.layers.augmentation.policies import (
    AugMix as AugMix,
    Pipeline as Pipeline,
    RandAugment as RandAugment,
)
from keraunos.layers.augmentation.resizing import (
    MaxNumBoundingBoxes as MaxNumBoundingBoxes,
    Resizing as Resizing,
)
from keraunos.layers.augmentation.tone import (
    AutoContrast as AutoContrast,
    ContrastLimitedAdaptiveHistogramEqualization as ContrastLimitedAdaptiveHistogramEqualization,
    Equalization as Equalization,
    RandomPosterization as RandomPosterization,
    Solarization as Solarization,
)
from keraunos.layers.augmentation.warps import (
    RandomElasticTransform as RandomElasticTransform,
    RandomPerspective as RandomPerspective,
)
from keraunos.layers.bidirectional import (
    Bidirectional as Bidirectional,
)
from keraunos.layers.conv import (
    Conv1D as Conv1D,
    Conv2D as Conv2D,
    Conv3D as Conv3D,
    Convolution1D as Convolution1D,
    Convolution2D as Convolution2D,
    Convolution3D as Convolution3D,
    DepthwiseConv1D as DepthwiseConv1D,
    DepthwiseConv2D as DepthwiseConv2D,
    SeparableConv1D as SeparableConv1D,
    SeparableConv2D as SeparableConv2D,
    SeparableConvolution1D as SeparableConvolution1D,
    SeparableConvolution2D as SeparableConvolution2D,
)
from keraunos.layers.conv_lstm import (
    ConvLSTM1D as ConvLSTM1D,
    ConvLSTM2D as ConvLSTM2D,
    ConvLSTM3D as ConvLSTM3D,
)
from keraunos.layers.conv_transpose import (
    Conv1DTranspose as Conv1DTranspose,
    Conv2DTranspose as Conv2DTranspose,
    Conv3DTranspose as Conv3DTranspose,
    Convolution1DTranspose as Convolution1DTranspose,
    Convolution2DTranspose as Convolution2DTranspose,
    Convolution3DTranspose as Convolution3DTranspose,
)
from keraunos.layers.core import (
    Identity as Identity,
    Lambda as Lambda,
    Masking as Masking,
    deserialize as deserialize,
    serialize as serialize,
)
from keraunos.layers.dense import (
    Dense as Dense,
    EinsumDense as EinsumDense,
)
from keraunos.layers.embedding import (
    Embedding as Embedding,
)
from keraunos.layers.foreign import (
    FlaxLayer as FlaxLayer,
    JaxLayer as JaxLayer,
    TFSMLayer as TFSMLayer,
    TorchModuleWrapper as TorchModuleWrapper,
)
from keraunos.layers.input import (
    Input as Input,
    InputLayer as InputLayer,
)
from keraunos.layers.merging import (
    Add as Add,
    Average as Average,
    Concatenate as Concatenate,
    Dot as Dot,
    Maximum as Maximum,
    Minimum as Minimum,
    Multiply as Multiply,
    Subtract as Subtract,
    add as add,
    average as average,
    concatenate as concatenate,
    dot as dot,
    maximum as maximum,
    minimum as minimum,
    multiply as multiply,
    subtract as subtract,
)
from keraunos.layers.multi_head import (
    GroupQueryAttention as GroupQueryAttention,
    MultiHeadAttention as MultiHeadAttention,
)
from keraunos.layers.normalization import (
    BatchNormalization as BatchNormalization,
    GroupNormalization as GroupNormalization,
    LayerNormalization as LayerNormalization,
    RMSNormalization as RMSNormalization,
    UnitNormalization as UnitNormalization,
)
from keraunos.layers.pooling import (
    AveragePooling1D as AveragePooling1D,
    AveragePooling2D as AveragePooling2D,
    AveragePooling3D as AveragePooling3D,
    AvgPool1D as AvgPool1D,
    AvgPool2D as AvgPool2D,
    AvgPool3D as AvgPool3D,
    GlobalAveragePooling1D as GlobalAveragePooling1D,
    GlobalAveragePooling2D as GlobalAveragePooling2D,
    GlobalAveragePooling3D as GlobalAveragePooling3D,
    GlobalAvgPool1D as GlobalAvgPool1D,
    GlobalAvgPool2D as GlobalAvgPool2D,
    GlobalAvgPool3D as GlobalAvgPool3D,
    GlobalMaxPool1D as GlobalMaxPool1D,
    GlobalMaxPool2D as GlobalMaxPool2D,
    GlobalMaxPool3D as GlobalMaxPool3D,
    GlobalMaxPooling1D as GlobalMaxPooling1D,
    GlobalMaxPooling2D as GlobalMaxPooling2D,
    GlobalMaxPooling3D as GlobalMaxPooling3D,
    MaxPool1D as MaxPool1D,
    MaxPool2D as MaxPool2D,
    MaxPool3D as MaxPool3D,
    MaxPooling1D as MaxPooling1D,
    MaxPooling2D as MaxPooling2D,
    MaxPooling3D as MaxPooling3D,
)
from keraunos.layers._recurrent_cells import (
    GRUCell as GRUCell,
    LSTMCell as LSTMCell,
    SimpleRNNCell as SimpleRNNCell,
    StackedRNNCells as StackedRNNCells,
)
from keraunos.layers.recurrent import (
    GRU as GRU,
    LSTM as LSTM,
    RNN as RNN,
    SimpleRNN as SimpleRNN,
)
from keraunos.layers.regularization import (
    ActivityRegularization as ActivityRegularization,
    AlphaDropout as AlphaDropout,
    Dropout as Dropout,
    GaussianDropout as GaussianDropout,
    GaussianNoise as GaussianNoise,
    SpatialDropout1D as SpatialDropout1D,
    SpatialDropout2D as SpatialDropout2D,
    SpatialDropout3D as SpatialDropout3D,
)
from keraunos.layers.rescaling import (
    Rescaling as Rescaling,
)
from keraunos.layers.reshaping import (
    Cropping1D as Cropping1D,
    Cropping2D as Cropping2D,
    Cropping3D as Cropping3D,
    Flatten as Flatten,
    Permute as Permute,
    RepeatVector as RepeatVector,
    Reshape as Reshape,
    UpSampling1D as UpSampling1D,
    UpSampling2D as UpSampling2D,
    UpSampling3D as UpSampling3D,
    ZeroPadding1D as ZeroPadding1D,
    ZeroPadding2D as ZeroPadding2D,
    ZeroPadding3D as ZeroPadding3D,
)
from keraunos.layers.reversible_embedding import (
    ReversibleEmbedding as ReversibleEmbedding,
)
from keraunos.layers.preprocessing.category import (
    CategoryEncoding as CategoryEncoding,
)
from keraunos.layers.preprocessing.discretization import (
    Discretization as Discretization,
)
from keraunos.layers.preprocessing.hashing import (
    HashedCrossing as HashedCrossing,
    Hashing as Hashing,
)
from keraunos.layers.preprocessing.lookup import (
    IntegerLookup as IntegerLookup,
    StringLookup as StringLookup,
)
from keraunos.layers.preprocessing.normalization import (
    Normalization as Normalization,
)
from keraunos.layers.preprocessing.spectrogram import (
    MelSpectrogram as MelSpectrogram,
    STFTSpectrogram as STFTSpectrogram,
)
from keraunos.layers.preprocessing.text import (
    TextVectorization as TextVectorization,
)
from keraunos.layers.spectral_normalization import (
    SpectralNormalization as SpectralNormalization,
)
from keraunos.layers.wrappers import (
    TimeDistributed as TimeDistributed,
    Wrapper as Wrapper,
)

__getattr__ = _errors.missing(__name__, globals())
