// Convolutions of each channel by itself, a row of pixels at a time: what lies under one element
// of the window is a run of memory, and its weights are the same for every pixel.
// x (batch, depth, height, width, channels), w (window, channels), y like x.
#include <algorithm>
#include <vector>

#include "isa.h"
#include "kernels.h"
#include "rows.h"

namespace keraunos {
namespace {

// to[pixel] += from[pixel] * weights, pixels `to_step` and `from_step` elements apart.
void add_scaled(const float* from, int64_t from_step, const float* weights, int64_t pixels,
                int64_t channels, float* to, int64_t to_step) {
  int64_t j = 0;
  for (; j + kColumns <= channels; j += kColumns) {
    const Vector left = load(weights + j), right = load(weights + j + kLanes);
    for (int64_t p = 0; p < pixels; ++p) {
      const float* x = from + p * from_step + j;
      float* y = to + p * to_step + j;
      store(y, load(y) + load(x) * left);
      store(y + kLanes, load(y + kLanes) + load(x + kLanes) * right);
    }
  }
  if (j < channels)
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t k = j; k < channels; ++k)
        to[p * to_step + k] += from[p * from_step + k] * weights[k];
}

// sums += the products of two runs of pixels, added up over the pixels.
void add_products(const float* a, int64_t a_step, const float* b, int64_t pixels,
                  int64_t channels, float* sums) {
  int64_t j = 0;
  for (; j + kColumns <= channels; j += kColumns) {
    Vector left{}, right{};  // a row by itself: small numbers vanish in a large sum
    for (int64_t p = 0; p < pixels; ++p) {
      const float *x = a + p * a_step + j, *y = b + p * channels + j;
      left += load(x) * load(y);
      right += load(x + kLanes) * load(y + kLanes);
    }
    store(sums + j, load(sums + j) + left);
    store(sums + j + kLanes, load(sums + j + kLanes) + right);
  }
  for (; j < channels; ++j) {
    float sum = 0;
    for (int64_t p = 0; p < pixels; ++p) sum += a[p * a_step + j] * b[p * channels + j];
    sums[j] += sum;
  }
}

}  // namespace

void depthwise(const Convolution& c, const float* x, const float* w, float* y, const Workers& workers) {
  const Axis& columns = c.axes[2];
  const int64_t ins = rows(c, true), outs = rows(c, false);
  const int64_t in = columns.in * c.channels, out = columns.out * c.channels;
  workers.share(c.batch * outs, [&](int64_t piece) {
    const int64_t sample = piece / outs;
    float* to = y + piece * out;
    std::fill_n(to, out, 0.0f);
    each_pair_of(c, piece % outs, [&](int64_t tap, int64_t row) {
      const float* from = x + (sample * ins + row) * in;
      for (int64_t k = 0; k < columns.window; ++k) {
        const auto [first, stop] = inside(columns, k);
        if (first < stop)
          add_scaled(from + input_row(columns, first, k) * c.channels, columns.stride * c.channels,
                     w + (tap + k) * c.channels, stop - first, c.channels,
                     to + first * c.channels, c.channels);
      }
    });
  });
}

void depthwise_input(const Convolution& c, const float* y, const float* w, float* x,
                     const Workers& workers) {
  const Axis& columns = c.axes[2];
  const int64_t ins = rows(c, true), outs = rows(c, false);
  const int64_t in = columns.in * c.channels, out = columns.out * c.channels;
  workers.share(c.batch * ins, [&](int64_t piece) {
    const int64_t sample = piece / ins;
    float* to = x + piece * in;
    std::fill_n(to, in, 0.0f);
    each_pair_of_input(c, piece % ins, [&](int64_t tap, int64_t row) {
      const float* from = y + (sample * outs + row) * out;
      for (int64_t k = 0; k < columns.window; ++k) {
        const auto [first, stop] = inside(columns, k);
        if (first < stop)
          add_scaled(from + first * c.channels, c.channels, w + (tap + k) * c.channels,
                     stop - first, c.channels, to + input_row(columns, first, k) * c.channels,
                     columns.stride * c.channels);
      }
    });
  });
}

void depthwise_kernel(const Convolution& c, const float* x, const float* y, float* w,
                      const Workers& workers) {
  const Axis& columns = c.axes[2];
  const int64_t ins = rows(c, true), outs = rows(c, false), pieces = c.batch * outs;
  const int64_t in = columns.in * c.channels, out = columns.out * c.channels;
  const int64_t size = c.axes[0].window * c.axes[1].window * columns.window * c.channels;
  const int64_t shares = std::clamp<int64_t>(pieces, 1, workers.count());
  // Each share sums in a copy of its own: the result does not depend on who is faster.
  std::vector<float> sums(size * shares);
  workers.share(shares, [&](int64_t share) {
    float* sum = sums.data() + share * size;
    for (int64_t piece = pieces * share / shares; piece < pieces * (share + 1) / shares; ++piece) {
      const float* with = y + piece * out;
      each_pair_of(c, piece % outs, [&](int64_t tap, int64_t row) {
        const float* from = x + (piece / outs * ins + row) * in;
        for (int64_t k = 0; k < columns.window; ++k) {
          const auto [first, stop] = inside(columns, k);
          if (first < stop)
            add_products(from + input_row(columns, first, k) * c.channels,
                         columns.stride * c.channels, with + first * c.channels, stop - first,
                         c.channels, sum + (tap + k) * c.channels);
        }
      });
    }
  });
  std::fill_n(w, size, 0.0f);
  for (int64_t share = 0; share < shares; ++share)
    for (int64_t j = 0; j < size; ++j) w[j] += sums[share * size + j];
}

}  // namespace keraunos
