"""Layers: one file a family. What stands here is the public namespace, as Keras 3 spells it."""

from keraunos._core.layer import (
    Layer as Layer,
)
from keraunos._core.spec import (
    InputSpec as InputSpec,
)
from keraunos.layers._recurrent_cells import (
    GRUCell as GRUCell,
)
from keraunos.layers._recurrent_cells import (
    LSTMCell as LSTMCell,
)
from keraunos.layers._recurrent_cells import (
    SimpleRNNCell as SimpleRNNCell,
)
from keraunos.layers._recurrent_cells import (
    StackedRNNCells as StackedRNNCells,
)
from keraunos.layers.activation import (
    ELU as ELU,
)
from keraunos.layers.activation import (
    Activation as Activation,
)
from keraunos.layers.activation import (
    LeakyReLU as LeakyReLU,
)
from keraunos.layers.activation import (
    PReLU as PReLU,
)
from keraunos.layers.activation import (
    ReLU as ReLU,
)
from keraunos.layers.activation import (
    Softmax as Softmax,
)
from keraunos.layers.conv import (
    Conv1D as Conv1D,
)
from keraunos.layers.conv import (
    Conv2D as Conv2D,
)
from keraunos.layers.conv import (
    Conv3D as Conv3D,
)
from keraunos.layers.conv import (
    Convolution1D as Convolution1D,
)
from keraunos.layers.conv import (
    Convolution2D as Convolution2D,
)
from keraunos.layers.conv import (
    Convolution3D as Convolution3D,
)
from keraunos.layers.conv import (
    DepthwiseConv1D as DepthwiseConv1D,
)
from keraunos.layers.conv import (
    DepthwiseConv2D as DepthwiseConv2D,
)
from keraunos.layers.conv import (
    SeparableConv1D as SeparableConv1D,
)
from keraunos.layers.conv import (
    SeparableConv2D as SeparableConv2D,
)
from keraunos.layers.conv import (
    SeparableConvolution1D as SeparableConvolution1D,
)
from keraunos.layers.conv import (
    SeparableConvolution2D as SeparableConvolution2D,
)
from keraunos.layers.conv_transpose import (
    Conv1DTranspose as Conv1DTranspose,
)
from keraunos.layers.conv_transpose import (
    Conv2DTranspose as Conv2DTranspose,
)
from keraunos.layers.conv_transpose import (
    Conv3DTranspose as Conv3DTranspose,
)
from keraunos.layers.conv_transpose import (
    Convolution1DTranspose as Convolution1DTranspose,
)
from keraunos.layers.conv_transpose import (
    Convolution2DTranspose as Convolution2DTranspose,
)
from keraunos.layers.conv_transpose import (
    Convolution3DTranspose as Convolution3DTranspose,
)
from keraunos.layers.core import (
    Identity as Identity,
)
from keraunos.layers.core import (
    Lambda as Lambda,
)
from keraunos.layers.core import (
    Masking as Masking,
)
from keraunos.layers.core import (
    deserialize as deserialize,
)
from keraunos.layers.core import (
    serialize as serialize,
)
from keraunos.layers.dense import (
    Dense as Dense,
)
from keraunos.layers.dense import (
    EinsumDense as EinsumDense,
)
from keraunos.layers.embedding import (
    Embedding as Embedding,
)
from keraunos.layers.input import (
    Input as Input,
)
from keraunos.layers.input import (
    InputLayer as InputLayer,
)
from keraunos.layers.merging import (
    Add as Add,
)
from keraunos.layers.merging import (
    Average as Average,
)
from keraunos.layers.merging import (
    Concatenate as Concatenate,
)
from keraunos.layers.merging import (
    Dot as Dot,
)
from keraunos.layers.merging import (
    Maximum as Maximum,
)
from keraunos.layers.merging import (
    Minimum as Minimum,
)
from keraunos.layers.merging import (
    Multiply as Multiply,
)
from keraunos.layers.merging import (
    Subtract as Subtract,
)
from keraunos.layers.merging import (
    add as add,
)
from keraunos.layers.merging import (
    average as average,
)
from keraunos.layers.merging import (
    concatenate as concatenate,
)
from keraunos.layers.merging import (
    dot as dot,
)
from keraunos.layers.merging import (
    maximum as maximum,
)
from keraunos.layers.merging import (
    minimum as minimum,
)
from keraunos.layers.merging import (
    multiply as multiply,
)
from keraunos.layers.merging import (
    subtract as subtract,
)
from keraunos.layers.normalization import (
    BatchNormalization as BatchNormalization,
)
from keraunos.layers.normalization import (
    GroupNormalization as GroupNormalization,
)
from keraunos.layers.normalization import (
    LayerNormalization as LayerNormalization,
)
from keraunos.layers.normalization import (
    RMSNormalization as RMSNormalization,
)
from keraunos.layers.normalization import (
    UnitNormalization as UnitNormalization,
)
from keraunos.layers.pooling import (
    AveragePooling1D as AveragePooling1D,
)
from keraunos.layers.pooling import (
    AveragePooling2D as AveragePooling2D,
)
from keraunos.layers.pooling import (
    AveragePooling3D as AveragePooling3D,
)
from keraunos.layers.pooling import (
    AvgPool1D as AvgPool1D,
)
from keraunos.layers.pooling import (
    AvgPool2D as AvgPool2D,
)
from keraunos.layers.pooling import (
    AvgPool3D as AvgPool3D,
)
from keraunos.layers.pooling import (
    GlobalAveragePooling1D as GlobalAveragePooling1D,
)
from keraunos.layers.pooling import (
    GlobalAveragePooling2D as GlobalAveragePooling2D,
)
from keraunos.layers.pooling import (
    GlobalAveragePooling3D as GlobalAveragePooling3D,
)
from keraunos.layers.pooling import (
    GlobalAvgPool1D as GlobalAvgPool1D,
)
from keraunos.layers.pooling import (
    GlobalAvgPool2D as GlobalAvgPool2D,
)
from keraunos.layers.pooling import (
    GlobalAvgPool3D as GlobalAvgPool3D,
)
from keraunos.layers.pooling import (
    GlobalMaxPool1D as GlobalMaxPool1D,
)
from keraunos.layers.pooling import (
    GlobalMaxPool2D as GlobalMaxPool2D,
)
from keraunos.layers.pooling import (
    GlobalMaxPool3D as GlobalMaxPool3D,
)
from keraunos.layers.pooling import (
    GlobalMaxPooling1D as GlobalMaxPooling1D,
)
from keraunos.layers.pooling import (
    GlobalMaxPooling2D as GlobalMaxPooling2D,
)
from keraunos.layers.pooling import (
    GlobalMaxPooling3D as GlobalMaxPooling3D,
)
from keraunos.layers.pooling import (
    MaxPool1D as MaxPool1D,
)
from keraunos.layers.pooling import (
    MaxPool2D as MaxPool2D,
)
from keraunos.layers.pooling import (
    MaxPool3D as MaxPool3D,
)
from keraunos.layers.pooling import (
    MaxPooling1D as MaxPooling1D,
)
from keraunos.layers.pooling import (
    MaxPooling2D as MaxPooling2D,
)
from keraunos.layers.pooling import (
    MaxPooling3D as MaxPooling3D,
)
from keraunos.layers.recurrent import (
    GRU as GRU,
)
from keraunos.layers.recurrent import (
    LSTM as LSTM,
)
from keraunos.layers.recurrent import (
    RNN as RNN,
)
from keraunos.layers.recurrent import (
    Bidirectional as Bidirectional,
)
from keraunos.layers.recurrent import (
    SimpleRNN as SimpleRNN,
)
from keraunos.layers.regularization import (
    ActivityRegularization as ActivityRegularization,
)
from keraunos.layers.regularization import (
    AlphaDropout as AlphaDropout,
)
from keraunos.layers.regularization import (
    Dropout as Dropout,
)
from keraunos.layers.regularization import (
    GaussianDropout as GaussianDropout,
)
from keraunos.layers.regularization import (
    GaussianNoise as GaussianNoise,
)
from keraunos.layers.regularization import (
    SpatialDropout1D as SpatialDropout1D,
)
from keraunos.layers.regularization import (
    SpatialDropout2D as SpatialDropout2D,
)
from keraunos.layers.regularization import (
    SpatialDropout3D as SpatialDropout3D,
)
from keraunos.layers.rescaling import (
    Rescaling as Rescaling,
)
from keraunos.layers.reshaping import (
    Cropping1D as Cropping1D,
)
from keraunos.layers.reshaping import (
    Cropping2D as Cropping2D,
)
from keraunos.layers.reshaping import (
    Cropping3D as Cropping3D,
)
from keraunos.layers.reshaping import (
    Flatten as Flatten,
)
from keraunos.layers.reshaping import (
    Permute as Permute,
)
from keraunos.layers.reshaping import (
    RepeatVector as RepeatVector,
)
from keraunos.layers.reshaping import (
    Reshape as Reshape,
)
from keraunos.layers.reshaping import (
    UpSampling1D as UpSampling1D,
)
from keraunos.layers.reshaping import (
    UpSampling2D as UpSampling2D,
)
from keraunos.layers.reshaping import (
    UpSampling3D as UpSampling3D,
)
from keraunos.layers.reshaping import (
    ZeroPadding1D as ZeroPadding1D,
)
from keraunos.layers.reshaping import (
    ZeroPadding2D as ZeroPadding2D,
)
from keraunos.layers.reshaping import (
    ZeroPadding3D as ZeroPadding3D,
)
from keraunos.layers.wrappers import (
    TimeDistributed as TimeDistributed,
)
from keraunos.layers.wrappers import (
    Wrapper as Wrapper,
)
