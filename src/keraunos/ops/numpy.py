"""NumPy's functions, as a table: a JAX function, Keras's parameters and what it does a row."""

from __future__ import annotations

import jax.numpy as jnp

from keraunos._core.op import checked, op, public_names
from keraunos.ops import _numpy as thick

# -- one operand, element by element

absolute = abs = op(jnp.absolute, "x", "Absolute value; of a complex number its length.")
angle = op(jnp.angle, "x", "Angle of a complex number, in radians.")
arccos = op(jnp.arccos, "x", "Inverse cosine, from 0 to pi.")
arccosh = op(jnp.arccosh, "x", "Inverse hyperbolic cosine.")
arcsin = op(jnp.arcsin, "x", "Inverse sine, from -pi/2 to pi/2.")
arcsinh = op(jnp.arcsinh, "x", "Inverse hyperbolic sine.")
arctan = op(jnp.arctan, "x", "Inverse tangent, from -pi/2 to pi/2.")
arctanh = op(jnp.arctanh, "x", "Inverse hyperbolic tangent.")
bitwise_invert = op(
    jnp.bitwise_invert, "x", "Each bit of an integer turned over.", name="bitwise_invert"
)
bitwise_not = op(jnp.bitwise_not, "x", "Each bit of an integer turned over.", name="bitwise_not")
cbrt = op(jnp.cbrt, "x", "Cube root.")
ceil = op(thick.ceil, doc="Nearest integer above, as a float.")
conjugate = op(jnp.conjugate, "x", "Complex conjugate.")
conj = op(jnp.conj, "x", "Complex conjugate.", name="conj")
copy = op(jnp.copy, "x", "A copy.")
cos = op(jnp.cos, "x", "Cosine of an angle in radians.")
cosh = op(jnp.cosh, "x", "Hyperbolic cosine.")
deg2rad = op(jnp.deg2rad, "x", "Degrees to radians.")
exp = op(jnp.exp, "x", "Exponential: e to the power of x.")
exp2 = op(jnp.exp2, "x", "2 to the power of x.")
expm1 = op(jnp.expm1, "x", "`exp(x) - 1`, exact near 0.")
fabs = op(jnp.fabs, "x", "Absolute value, as a float.")
floor = op(thick.floor, doc="Nearest integer below, as a float.")
i0 = op(jnp.i0, "x", "Modified Bessel function of the first kind, order 0.")
imag = op(jnp.imag, "x", "Imaginary part.")
isfinite = op(jnp.isfinite, "x", "Whether each element is neither infinite nor NaN.")
isinf = op(jnp.isinf, "x", "Whether each element is infinite.")
isnan = op(jnp.isnan, "x", "Whether each element is NaN.")
isneginf = op(jnp.isneginf, "x", "Whether each element is minus infinity.")
isposinf = op(jnp.isposinf, "x", "Whether each element is plus infinity.")
isreal = op(jnp.isreal, "x", "Whether each element has no imaginary part.")
log = op(jnp.log, "x", "Natural logarithm.")
log10 = op(jnp.log10, "x", "Logarithm to base 10.")
log1p = op(jnp.log1p, "x", "`log(1 + x)`, exact near 0.")
log2 = op(jnp.log2, "x", "Logarithm to base 2.")
logical_not = op(jnp.logical_not, "x", "Truth turned over.")
nan_to_num = op(
    jnp.nan_to_num,
    "x, nan=0.0, posinf=None, neginf=None",
    "NaN and infinities replaced by numbers.",
)
negative = op(jnp.negative, "x", "`-x`.")
rad2deg = op(jnp.rad2deg, "x", "Radians to degrees.")
real = op(jnp.real, "x", "Real part.")
reciprocal = op(jnp.reciprocal, "x", "`1 / x`.")
round = op(thick.round)
sign = op(jnp.sign, "x", "-1, 0 or 1.")
signbit = op(jnp.signbit, "x", "Whether the sign bit is set (it is for -0.0).")
sin = op(jnp.sin, "x", "Sine of an angle in radians.")
sinc = op(jnp.sinc, "x", "`sin(pi x) / (pi x)`, 1 at 0.")
sinh = op(jnp.sinh, "x", "Hyperbolic sine.")
sqrt = op(jnp.sqrt, "x", "Square root.")
square = op(jnp.square, "x", "`x * x`.")
tan = op(jnp.tan, "x", "Tangent of an angle in radians.")
tanh = op(jnp.tanh, "x", "Hyperbolic tangent.")
trunc = op(thick.trunc, doc="Nearest integer towards 0, as a float.")
view = op(thick.view)

# -- two operands, element by element

add = op(jnp.add, "x1, x2", "Element-wise sum.", unify=True)
arctan2 = op(jnp.arctan2, "x1, x2", "Angle of the point (x2, x1), from -pi to pi.", unify=True)
bitwise_and = op(jnp.bitwise_and, "x, y", "Bits set in both.", unify=True)
bitwise_left_shift = op(
    jnp.left_shift, "x, y", "Bits of x moved y places up.", name="bitwise_left_shift", unify=True
)
bitwise_or = op(jnp.bitwise_or, "x, y", "Bits set in one or both.", unify=True)
bitwise_right_shift = op(
    jnp.right_shift,
    "x, y",
    "Bits of x moved y places down.",
    name="bitwise_right_shift",
    unify=True,
)
bitwise_xor = op(jnp.bitwise_xor, "x, y", "Bits set in just one.", unify=True)
clip = op(thick.clip, unify=True)
divide = op(jnp.divide, "x1, x2", "Element-wise quotient, a float.", name="divide", unify=True)
divide_no_nan = op(thick.divide_no_nan, unify=True)
equal = op(jnp.equal, "x1, x2", "Whether elements are equal.", unify=True)
floor_divide = op(jnp.floor_divide, "x1, x2", "Quotient, rounded down.", unify=True)
fmax = op(jnp.fmax, "x1, x2", "Element-wise maximum; a number wins over NaN.", unify=True)
fmin = op(jnp.fmin, "x1, x2", "Element-wise minimum; a number wins over NaN.", unify=True)
fmod = op(jnp.fmod, "x1, x2", "Remainder with the sign of x1.", unify=True)
gcd = op(jnp.gcd, "x1, x2", "Greatest common divisor.", unify=True)
greater = op(jnp.greater, "x1, x2", "Whether x1 > x2.", unify=True)
greater_equal = op(jnp.greater_equal, "x1, x2", "Whether x1 >= x2.", unify=True)
heaviside = op(jnp.heaviside, "x1, x2", "0 where x1 < 0, 1 where x1 > 0, x2 at 0.", unify=True)
hypot = op(jnp.hypot, "x1, x2", "`sqrt(x1**2 + x2**2)`.", unify=True)
isclose = op(
    jnp.isclose,
    "x1, x2, rtol=1e-05, atol=1e-08, equal_nan=False",
    "Whether `|x1 - x2| <= atol + rtol * |x2|`.",
    unify=True,
)
lcm = op(jnp.lcm, "x1, x2", "Least common multiple.", unify=True)
ldexp = op(jnp.ldexp, "x1, x2", "`x1 * 2**x2`.", unify=True)
left_shift = op(
    jnp.left_shift, "x, y", "Bits of x moved y places up.", name="left_shift", unify=True
)
less = op(jnp.less, "x1, x2", "Whether x1 < x2.", unify=True)
less_equal = op(jnp.less_equal, "x1, x2", "Whether x1 <= x2.", unify=True)
logaddexp = op(jnp.logaddexp, "x1, x2", "`log(exp(x1) + exp(x2))`, without overflow.", unify=True)
logaddexp2 = op(jnp.logaddexp2, "x1, x2", "`log2(2**x1 + 2**x2)`, without overflow.", unify=True)
logical_and = op(jnp.logical_and, "x1, x2", "Whether both are true.", unify=True)
logical_or = op(jnp.logical_or, "x1, x2", "Whether one or both are true.", unify=True)
logical_xor = op(jnp.logical_xor, "x1, x2", "Whether just one is true.", unify=True)
maximum = op(jnp.maximum, "x1, x2", "Element-wise maximum.", unify=True)
minimum = op(jnp.minimum, "x1, x2", "Element-wise minimum.", unify=True)
mod = op(jnp.mod, "x1, x2", "Remainder with the sign of x2.", name="mod", unify=True)
multiply = op(jnp.multiply, "x1, x2", "Element-wise product.", unify=True)
nextafter = op(jnp.nextafter, "x1, x2", "Next number after x1 in the direction of x2.", unify=True)
not_equal = op(jnp.not_equal, "x1, x2", "Whether elements differ.", unify=True)
power = op(jnp.power, "x1, x2", "x1 to the power of x2.", unify=True)
right_shift = op(
    jnp.right_shift, "x, y", "Bits of x moved y places down.", name="right_shift", unify=True
)
subtract = op(jnp.subtract, "x1, x2", "Element-wise difference.", unify=True)
true_divide = op(
    jnp.true_divide, "x1, x2", "Element-wise quotient.", name="true_divide", unify=True
)
where = op(thick.where, unify=True)

# -- over axes: `axis` is a number, several, or None for all of them

all = op(jnp.all, "x, axis=None, keepdims=False", "Whether all elements are true.")
amax = op(jnp.max, "x, axis=None, keepdims=False", "Largest element.", name="amax")
amin = op(jnp.min, "x, axis=None, keepdims=False", "Smallest element.", name="amin")
any = op(jnp.any, "x, axis=None, keepdims=False", "Whether any element is true.")
argmax = op(jnp.argmax, "x, axis=None, keepdims=False", "Index of the largest element.")
argmin = op(jnp.argmin, "x, axis=None, keepdims=False", "Index of the smallest element.")
average = op(thick.average)
count_nonzero = op(jnp.count_nonzero, "x, axis=None", "Number of elements that are not 0.")
cumprod = op(jnp.cumprod, "x, axis=None, dtype=None", "Product of all elements up to here.")
cumsum = op(jnp.cumsum, "x, axis=None, dtype=None", "Sum of all elements up to here.")
max = op(jnp.max, "x, axis=None, keepdims=False, initial=None", "Largest element.")
mean = op(jnp.mean, "x, axis=None, keepdims=False", "Mean; of integers a float.")
median = op(jnp.median, "x, axis=None, keepdims=False", "Middle element of the ordered ones.")
min = op(jnp.min, "x, axis=None, keepdims=False, initial=None", "Smallest element.")
nanargmax = op(
    jnp.nanargmax, "x, axis=None, keepdims=False", "Index of the largest number; -1 for none."
)
nanargmin = op(
    jnp.nanargmin, "x, axis=None, keepdims=False", "Index of the smallest number; -1 for none."
)
nancumprod = op(jnp.nancumprod, "x, axis=None, dtype=None", "`cumprod` with NaN as 1.")
nancumsum = op(jnp.nancumsum, "x, axis=None, dtype=None", "`cumsum` with NaN as 0.")
nanmax = op(jnp.nanmax, "x, axis=None, keepdims=False", "Largest number, NaN left out.")
nanmean = op(jnp.nanmean, "x, axis=None, keepdims=False", "Mean, NaN left out.")
nanmedian = op(jnp.nanmedian, "x, axis=None, keepdims=False", "Median, NaN left out.")
nanmin = op(jnp.nanmin, "x, axis=None, keepdims=False", "Smallest number, NaN left out.")
nanpercentile = op(
    jnp.nanpercentile,
    "x, q, axis=None, method='linear', keepdims=False",
    "`percentile`, NaN left out.",
)
nanprod = op(jnp.nanprod, "x, axis=None, keepdims=False", "Product, NaN left out.")
nanquantile = op(
    jnp.nanquantile, "x, q, axis=None, method='linear', keepdims=False", "`quantile`, NaN left out."
)
nanstd = op(jnp.nanstd, "x, axis=None, keepdims=False", "Standard deviation, NaN left out.")
nansum = op(jnp.nansum, "x, axis=None, keepdims=False", "Sum, NaN left out.")
nanvar = op(jnp.nanvar, "x, axis=None, keepdims=False", "Variance, NaN left out.")
percentile = op(
    jnp.percentile,
    "x, q, axis=None, method='linear', keepdims=False",
    "Value above q percent of the elements.",
)
prod = op(jnp.prod, "x, axis=None, keepdims=False, dtype=None", "Product.")
ptp = op(jnp.ptp, "x, axis=None, keepdims=False", "Largest minus smallest element.")
quantile = op(
    jnp.quantile,
    "x, q, axis=None, method='linear', keepdims=False",
    "Value above a part q (0 to 1) of the elements.",
)
std = op(jnp.std, "x, axis=None, keepdims=False", "Standard deviation (divided by n).")
sum = op(jnp.sum, "x, axis=None, keepdims=False", "Sum; of booleans an integer.")
trapezoid = op(thick.trapezoid)
var = op(jnp.var, "x, axis=None, keepdims=False", "Variance (divided by n).")

# -- linear algebra

corrcoef = op(jnp.corrcoef, "x", "Correlation of the rows with each other.")
correlate = op(jnp.correlate, "x1, x2, mode='valid'", "Cross-correlation of two vectors.")
cross = op(
    jnp.cross,
    "x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None",
    "Cross product of vectors.",
    unify=True,
)
dot = op(
    jnp.dot,
    "x1, x2",
    "Sum over the last axis of x1 and the last but one of x2.",
    infer=thick.infer_product(jnp.dot, thick.last_and_last_but_one),
)
einsum = op(thick.einsum)
inner = op(
    jnp.inner,
    "x1, x2",
    "Sum over the last axes of both.",
    infer=thick.infer_product(jnp.inner, lambda *_: [(-1, -1)]),
)
kron = op(jnp.kron, "x1, x2", "Kronecker product.")
matmul = op(thick.matmul, infer=thick.infer_product(thick.matmul, thick.last_and_last_but_one))
outer = op(jnp.outer, "x1, x2", "Products of all pairs of elements.")
slogdet = op(thick.slogdet)
tensordot = op(
    jnp.tensordot,
    "x1, x2, axes=2",
    "Sum over the named axes of both.",
    infer=thick.infer_product(jnp.tensordot, thick.axes_of_tensordot),
)
trace = op(jnp.trace, "x, offset=0, axis1=0, axis2=1", "Sum of a diagonal.")
vdot = op(jnp.vdot, "x1, x2", "Sum of the products of all elements.")

# -- shape and order

append = op(
    jnp.append, "x1, x2, axis=None", "x2 put after x1; both flat where axis is None.", unify=True
)
array_split = op(jnp.array_split, "x, indices_or_sections, axis=0", "Parts of nearly equal size.")
broadcast_to = op(jnp.broadcast_to, "x, shape", "x repeated along new axes and axes of size 1.")
concatenate = op(
    thick.each(jnp.concatenate),
    "xs, axis=0",
    "Arrays put after each other.",
    name="concatenate",
    unify=True,
)
diag = op(
    jnp.diag,
    "x, k=0",
    "Diagonal k of a matrix, or the matrix with that diagonal.",
    infer=thick.infer_part(jnp.diag),
)
diagflat = op(jnp.diagflat, "x, k=0", "Matrix with all elements of x on diagonal k.")
diagonal = op(
    jnp.diagonal,
    "x, offset=0, axis1=0, axis2=1",
    "Elements on a diagonal.",
    infer=thick.infer_part(jnp.diagonal),
)
dsplit = op(jnp.dsplit, "x, indices_or_sections", "Parts along the third axis.")
dstack = op(
    thick.each(jnp.dstack),
    "xs",
    "Arrays put after each other along the third axis.",
    name="dstack",
    unify=True,
)
expand_dims = op(jnp.expand_dims, "x, axis", "x with a new axis of size 1.")
flip = op(jnp.flip, "x, axis=None", "Elements in reverse order.")
fliplr = op(jnp.fliplr, "x", "Second axis in reverse order.")
flipud = op(jnp.flipud, "x", "First axis in reverse order.")
get_item = op(thick.get_item, infer=thick.infer_part(thick.get_item))
hsplit = op(
    jnp.hsplit, "x, indices_or_sections", "Parts along the second axis (the only one of a vector)."
)
hstack = op(
    thick.each(jnp.hstack),
    "xs",
    "Arrays put after each other along the second axis.",
    name="hstack",
    unify=True,
)
meshgrid = op(thick.meshgrid)
moveaxis = op(jnp.moveaxis, "x, source, destination", "Axes moved to new places.")
pad = op(thick.pad)
ravel = op(jnp.ravel, "x", "All elements in one axis.")
repeat = op(jnp.repeat, "x, repeats, axis=None", "Each element several times.")
reshape = op(thick.reshape, infer=thick.infer_reshape)
roll = op(
    jnp.roll,
    "x, shift, axis=None",
    "Elements moved along; those that fall off come back at the start.",
)
rot90 = op(jnp.rot90, "array, k=1, axes=(0, 1)", "A plane turned by k times 90 degrees.")
split = op(
    jnp.split,
    "x, indices_or_sections, axis=0",
    "A list of equal parts, or of parts between indices.",
)
squeeze = op(jnp.squeeze, "x, axis=None", "x without axes of size 1.")
stack = op(
    thick.each(jnp.stack),
    "x, axis=0",
    "Arrays put side by side along a new axis.",
    name="stack",
    unify=True,
)
swapaxes = op(jnp.swapaxes, "x, axis1, axis2", "Two axes exchanged.")
tile = op(jnp.tile, "x, repeats", "The whole array several times.")
transpose = op(jnp.transpose, "x, axes=None", "Axes in a new order, reversed by default.")
tril = op(jnp.tril, "x, k=0", "Lower triangle, zeros above diagonal k.")
triu = op(jnp.triu, "x, k=0", "Upper triangle, zeros below diagonal k.")
vsplit = op(jnp.vsplit, "x, indices_or_sections", "Parts along the first axis.")
vstack = op(
    thick.each(jnp.vstack),
    "xs",
    "Arrays put after each other along the first axis.",
    name="vstack",
    unify=True,
)

# -- sorting, searching, counting

allclose = op(
    jnp.allclose,
    "x1, x2, rtol=1e-05, atol=1e-08, equal_nan=False",
    "Whether all elements are close.",
    unify=True,
)
argpartition = op(thick.argpartition)
argsort = op(thick.argsort, doc="Indices that put the elements in order.")
bincount = op(thick.bincount, infer=thick.infer_bincount)
diff = op(jnp.diff, "a, n=1, axis=-1", "Differences of neighbours, n times over.")
digitize = op(jnp.digitize, "x, bins", "Index of the bin of each element.")
histogram = op(
    jnp.histogram, "x, bins=10, range=None", "Number of elements in each bin, and the edges."
)
isin = op(
    jnp.isin, "x1, x2, assume_unique=False, invert=False", "Whether each element of x1 is in x2."
)
nonzero = op(thick.nonzero, infer=thick.infer_nonzero)
searchsorted = op(thick.searchsorted)
select = op(
    jnp.select,
    "condlist, choicelist, default=0",
    "Element of the first choice whose condition holds.",
    unify=True,
)
sort = op(jnp.sort, "x, axis=-1", "Elements in order.")
take = op(jnp.take, "x, indices, axis=None", "Elements at the indices along an axis.")
take_along_axis = op(
    jnp.take_along_axis, "x, indices, axis=None", "Elements at an index for each row."
)
unique = op(thick.unique)
unravel_index = op(
    jnp.unravel_index, "indices, shape", "Index on each axis, from indices into the flat array."
)

# -- new arrays

arange = op(thick.arange)
array = checked(op(jnp.array, "x, dtype=None", "A new array of these elements."))
bartlett = op(jnp.bartlett, "x", "Triangular window of x points.")
blackman = op(jnp.blackman, "x", "Blackman window of x points.")
empty = op(thick.empty, doc="A new array of a shape; here zeros.")
empty_like = op(jnp.empty_like, "x, dtype=None", "A new array of x's shape; here zeros.")
eye = op(thick.eye, doc="Ones on diagonal k, zeros elsewhere.")
full = op(thick.full, "shape, fill_value, dtype=None", "One value everywhere.")
full_like = op(thick.full_like, "x, fill_value, dtype=None", "One value everywhere, in x's shape.")
geomspace = op(
    jnp.geomspace,
    "start, stop, num=50, endpoint=True, dtype=None, axis=0",
    "Numbers with equal quotients.",
)
hamming = op(jnp.hamming, "x", "Hamming window of x points.")
hanning = op(jnp.hanning, "x", "Hann window of x points.")
identity = op(thick.identity, doc="Identity matrix.")
kaiser = op(jnp.kaiser, "x, beta", "Kaiser window of x points.")
linspace = op(
    jnp.linspace,
    "start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0",
    "Numbers with equal differences.",
)
logspace = op(
    jnp.logspace,
    "start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0",
    "Powers of base with equally spaced exponents.",
)
ones = op(thick.ones, doc="Ones, floats by default.")
ones_like = op(jnp.ones_like, "x, dtype=None", "Ones in x's shape.")
tri = op(thick.tri, doc="Ones on and below diagonal k.")
vander = op(jnp.vander, "x, N=None, increasing=False", "Matrix of the powers of x.")
zeros = op(thick.zeros, doc="Zeros, floats by default.")
zeros_like = op(jnp.zeros_like, "x, dtype=None", "Zeros in x's shape.")

# -- not operations of a graph: they give plain numbers or take functions

ndim, size, vectorize = thick.ndim, thick.size, thick.vectorize

__all__ = public_names(globals())  # pyright: ignore[reportUnsupportedDunderAll]
