// Convolutions as products with patches: a block of patches is laid out in the cache, used, and
// forgotten. x (batch, depth, height, width, channels), w (window, channels, filters).
//
// Reference: Chellapilla et al., High performance convolutional neural networks for document
// processing, 2006.
#include <algorithm>
#include <vector>

#include "gemm.h"
#include "kernels.h"

namespace keraunos {
namespace {

// Bytes that a block of patches may take: about half of a core's second cache.
constexpr int64_t kBlock = 1 << 18;

// Where the window's rows lie. A window's width and channels stand together in memory, so with
// no dilation in width a patch is a few runs.
struct Patches {
  explicit Patches(const Convolution& c)
      : c(c), depth(taps() * c.channels), pixels(c.axes[0].out * c.axes[1].out * c.axes[2].out) {
    const int64_t fit = kBlock / 4 / std::max<int64_t>(depth, 1);
    block = std::clamp<int64_t>(fit / kRows * kRows, 4 * kRows, 32 * kRows);
    block = std::clamp<int64_t>(pixels, 1, block);
    blocks = (pixels + block - 1) / block;
    // With a window of one element the image is its patches.
    direct = true;
    for (const Axis& axis : c.axes)
      direct &= axis.window == 1 && axis.stride == 1 && axis.before == 0 && axis.in == axis.out;
  }

  int64_t taps() const { return c.axes[0].window * c.axes[1].window * c.axes[2].window; }
  int64_t image() const {
    return c.axes[0].in * c.axes[1].in * c.axes[2].in * c.channels;
  }

  // Calls run(offset in the patch, offset in the image or -1 for padding, elements) for the parts
  // of the patch whose first element lies at (plane, row, column).
  template <typename Run>
  void each_run(int64_t plane, int64_t row, int64_t column, const Run& run) const {
    const auto& [planes, rows, columns] = c.axes;
    const int64_t whole = columns.window * c.channels;
    int64_t to = 0;
    for (int64_t i = 0; i < planes.window; ++i) {
      const int64_t z = plane + i * planes.dilation;
      for (int64_t j = 0; j < rows.window; ++j, to += whole) {
        const int64_t y = row + j * rows.dilation, line = (z * rows.in + y) * columns.in;
        if (z < 0 || z >= planes.in || y < 0 || y >= rows.in)
          run(to, -1, whole);
        else if (columns.dilation > 1)
          each_element(to, line, column, run);
        else if (column >= 0 && column + columns.window <= columns.in)
          run(to, (line + column) * c.channels, whole);
        else
          each_side(to, line, column, run);
      }
    }
  }

  // A row of the window that reaches over a border: padding, image, padding.
  template <typename Run>
  void each_side(int64_t to, int64_t line, int64_t column, const Run& run) const {
    const Axis& axis = c.axes[2];
    const int64_t skip = std::clamp<int64_t>(-column, 0, axis.window);
    const int64_t stop = std::clamp<int64_t>(axis.in - column, skip, axis.window);
    if (skip) run(to, -1, skip * c.channels);
    if (stop > skip)
      run(to + skip * c.channels, (line + column + skip) * c.channels, (stop - skip) * c.channels);
    if (stop < axis.window) run(to + stop * c.channels, -1, (axis.window - stop) * c.channels);
  }

  // A row of the window with gaps.
  template <typename Run>
  void each_element(int64_t to, int64_t line, int64_t column, const Run& run) const {
    const Axis& axis = c.axes[2];
    for (int64_t k = 0; k < axis.window; ++k) {
      const int64_t x = column + k * axis.dilation;
      const bool inside = x >= 0 && x < axis.in;
      run(to + k * c.channels, inside ? (line + x) * c.channels : -1, c.channels);
    }
  }

  // Calls each(plane, row, column) with the first element of `count` patches from `pixel` on.
  template <typename Each>
  void each_patch(int64_t pixel, int64_t count, const Each& each) const {
    const auto& [planes, rows, columns] = c.axes;
    int64_t x = pixel % columns.out, y = pixel / columns.out % rows.out;
    int64_t z = pixel / columns.out / rows.out;
    while (count--) {
      each(z * planes.stride - planes.before, y * rows.stride - rows.before,
           x * columns.stride - columns.before);
      if (++x == columns.out) x = 0, ++y;
      if (y == rows.out) y = 0, ++z;
    }
  }

  // Patches of the pixels [first, first + count) of one image: (count, depth), in `to` unless
  // they lie in the image as they are. Short runs are copied as whole vectors, whose surplus the
  // next run overwrites; `end` is that of all images.
  const float* gather(const float* image, const float* end, int64_t first, int64_t count,
                      float* to) const {
    if (direct) return image + first * depth;
    const float* start = to;
    each_patch(first, count, [&](int64_t plane, int64_t row, int64_t column) {
      each_run(plane, row, column, [&](int64_t at, int64_t from, int64_t size) {
        if (from < 0)
          std::fill_n(to + at, size, 0.0f);
        else if (size <= kLanes && image + from + kLanes <= end)
          store(to + at, load(image + from));
        else
          std::copy_n(image + from, size, to + at);
      });
      to += depth;
    });
    return start;
  }

  // The transpose of `gather`: adds patches to the image they came from.
  void scatter(const float* from, int64_t first, int64_t count, float* image) const {
    each_patch(first, count, [&](int64_t plane, int64_t row, int64_t column) {
      each_run(plane, row, column, [&](int64_t at, int64_t to, int64_t size) {
        if (to >= 0)
          for (int64_t j = 0; j < size; ++j) image[to + j] += from[at + j];
      });
      from += depth;
    });
  }

  // Elements of memory for a block of patches, and a panel that begins with the last of them.
  int64_t size() const { return block * depth + kColumns; }

  const Convolution& c;
  int64_t depth, pixels;  // elements of a patch; patches of an image
  int64_t block, blocks;  // patches at once; blocks of an image
  bool direct;
};

void transpose(const float* from, int64_t rows, int64_t columns, float* to) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
}

// A thread's own memory, kept from call to call: fresh pages cost more than the work.
float* scratch(int64_t size) {
  thread_local std::vector<float> memory;
  if (static_cast<int64_t>(memory.size()) < size) memory.resize(size);
  return memory.data();
}

}  // namespace

void convolution(const Convolution& c, const float* x, const float* w, float* y, const Workers& workers) {
  const Patches patches(c);
  const bool narrow = c.filters <= kNarrow && patches.depth >= 4 * kLanes;
  std::vector<float> packed(narrow ? patches.depth * c.filters
                                   : packed_size(patches.depth, c.filters));
  if (narrow) transpose(w, patches.depth, c.filters, packed.data());
  const Panels kernel =
      narrow ? Panels{} : pack({w, c.filters, 1}, patches.depth, c.filters, packed.data());
  const float* end = x + c.batch * patches.image();
  workers.share(c.batch * patches.blocks, [&](int64_t piece) {
    const int64_t image = piece / patches.blocks, first = piece % patches.blocks * patches.block;
    const int64_t count = std::min(patches.block, patches.pixels - first);
    const float* rows = patches.gather(x + image * patches.image(), end, first, count,
                                       scratch(patches.size()));
    float* to = y + (image * patches.pixels + first) * c.filters;
    if (narrow)
      narrow_product(count, c.filters, patches.depth, rows, packed.data(), to);
    else
      product(count, c.filters, patches.depth, {rows, patches.depth, 1}, kernel, to, c.filters,
              false);
  });
}

// With steps of one element the input's gradient is a convolution itself, of y with the window
// turned round: patches are gathered then, which is quicker than adding them up unless its
// filters, our channels, are few.
void turned(const Convolution& c, const float* y, const float* w, float* x, const Workers& workers) {
  Convolution back = {c.batch, c.filters, c.channels, {}};
  int64_t taps = 1;
  for (int i = 0; i < 3; ++i) {
    const Axis& a = c.axes[i];
    back.axes[i] = {a.out, a.in, a.window, 1, a.dilation, (a.window - 1) * a.dilation - a.before};
    taps *= a.window;
  }
  const int64_t size = c.channels * c.filters;
  std::vector<float> kernel(taps * size);
  for (int64_t tap = 0; tap < taps; ++tap)
    transpose(w + tap * size, c.channels, c.filters, kernel.data() + (taps - 1 - tap) * size);
  convolution(back, y, kernel.data(), x, workers);
}

void convolution_input(const Convolution& c, const float* y, const float* w, float* x,
                       const Workers& workers) {
  const Patches patches(c);
  const bool by_one = c.axes[0].stride * c.axes[1].stride * c.axes[2].stride == 1;
  if (by_one && !patches.direct && c.channels > kNarrow) return turned(c, y, w, x, workers);
  std::vector<float> packed(packed_size(c.filters, patches.depth));
  const Panels kernel = pack({w, 1, c.filters}, c.filters, patches.depth, packed.data());
  workers.share(c.batch, [&](int64_t image) {
    float* to = x + image * patches.image();
    if (!patches.direct) std::fill_n(to, patches.image(), 0.0f);
    float* rows = scratch(patches.size());
    for (int64_t first = 0; first < patches.pixels; first += patches.block) {
      const int64_t count = std::min(patches.block, patches.pixels - first);
      product(count, patches.depth, c.filters,
              {y + (image * patches.pixels + first) * c.filters, c.filters, 1}, kernel,
              patches.direct ? to + first * patches.depth : rows, patches.depth, false);
      if (!patches.direct) patches.scatter(rows, first, count, to);
    }
  });
}

void convolution_kernel(const Convolution& c, const float* x, const float* y, float* w,
                        const Workers& workers) {
  const Patches patches(c);
  const float* end = x + c.batch * patches.image();
  const int64_t size = patches.depth * c.filters, pieces = c.batch * patches.blocks;
  const int64_t shares = std::clamp<int64_t>(pieces, 1, workers.count());
  // Few filters are the rows of the product, and its columns the elements of a patch: these fill
  // vectors. A panel reaches over the end of a patch, which an image at the end of memory forbids.
  const bool narrow = c.filters <= kNarrow && !(patches.direct && patches.depth % kColumns);
  // Each share sums in a copy of its own: the result does not depend on who is faster.
  std::vector<float> sums(size * shares);
  workers.share(shares, [&](int64_t share) {
    float* sum = sums.data() + share * size;
    float* memory = scratch(patches.size() + packed_size(patches.block, c.filters));
    float* copy = memory + patches.size();
    for (int64_t piece = pieces * share / shares; piece < pieces * (share + 1) / shares; ++piece) {
      const int64_t image = piece / patches.blocks, first = piece % patches.blocks * patches.block;
      const int64_t count = std::min(patches.block, patches.pixels - first);
      const float* from = y + (image * patches.pixels + first) * c.filters;
      const float* rows =
          patches.gather(x + image * patches.image(), end, first, count, memory);
      if (narrow) {
        product(c.filters, patches.depth, count, {from, 1, c.filters},
                {rows, patches.depth, kColumns}, sum, patches.depth, true);
        continue;
      }
      // With whole vectors of filters, y is laid out as the product wants it.
      const Panels right = c.filters % kLanes ? pack({from, c.filters, 1}, count, c.filters, copy)
                                              : Panels{from, c.filters, kColumns};
      product(patches.depth, c.filters, count, {rows, 1, patches.depth}, right, sum, c.filters,
              true);
    }
  });
  for (int64_t share = 1; share < shares; ++share)
    for (int64_t j = 0; j < size; ++j) sums[j] += sums[share * size + j];
  if (narrow)
    transpose(sums.data(), c.filters, patches.depth, w);
  else
    std::copy_n(sums.data(), size, w);
}

}  // namespace keraunos
