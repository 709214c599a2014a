// The largest element under each window, a row of pixels at a time, and which one it was.
#include <algorithm>

#include "isa.h"
#include "kernels.h"
#include "rows.h"

namespace keraunos {
namespace {

typedef int32_t Ints __attribute__((vector_size(kLanes * sizeof(int32_t))));
typedef uint8_t Bytes __attribute__((vector_size(kLanes)));

constexpr uint8_t kNone = 255;

Ints load_places(const uint8_t* from) {
  Bytes bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return __builtin_convertvector(bytes, Ints);
}

void store_places(uint8_t* to, Ints places) {
  const Bytes bytes = __builtin_convertvector(places, Bytes);
  std::memcpy(to, &bytes, sizeof bytes);
}

// A run of pixels meets element `place` of the window: the first of the largest wins, as does NaN.
void compare(const float* x, int64_t x_step, int64_t pixels, int64_t channels, uint8_t place,
             float* best, uint8_t* chosen) {
  for (int64_t p = 0; p < pixels; ++p, x += x_step, best += channels, chosen += channels) {
    int64_t j = 0;
    for (; j + kLanes <= channels; j += kLanes) {
      const Vector value = load(x + j), now = load(best + j);
      const Ints places = load_places(chosen + j);
      const Ints wins = (places == kNone) | (value > now) | (value != value);
      store(best + j, wins ? value : now);
      store_places(chosen + j, wins ? Ints{} + place : places);
    }
    for (; j < channels; ++j)
      if (chosen[j] == kNone || x[j] > best[j] || x[j] != x[j]) best[j] = x[j], chosen[j] = place;
  }
}

// to[pixel] += from[pixel] where `place` was chosen; `chosen` goes with the pixels of the output.
void add_chosen(const float* from, int64_t from_step, const uint8_t* chosen, int64_t pixels,
                int64_t channels, uint8_t place, float* to, int64_t to_step) {
  for (int64_t p = 0; p < pixels; ++p, from += from_step, to += to_step, chosen += channels) {
    int64_t j = 0;
    for (; j + kLanes <= channels; j += kLanes) {
      const Ints here = load_places(chosen + j) == place;
      store(to + j, load(to + j) + (here ? load(from + j) : Vector{}));
    }
    for (; j < channels; ++j)
      if (chosen[j] == place) to[j] += from[j];
  }
}

}  // namespace

void largest(const Convolution& c, const float* x, float* y, uint8_t* chosen, const Workers& workers) {
  const Axis& columns = c.axes[2];
  const int64_t ins = rows(c, true), outs = rows(c, false);
  const int64_t in = columns.in * c.channels, out = columns.out * c.channels;
  workers.share(c.batch * outs, [&](int64_t piece) {
    float* best = y + piece * out;
    uint8_t* places = chosen + piece * out;
    std::fill_n(best, out, 0.0f);
    std::fill_n(places, out, kNone);
    each_pair_of(c, piece % outs, [&](int64_t tap, int64_t row) {
      const float* from = x + (piece / outs * ins + row) * in;
      for (int64_t k = 0; k < columns.window; ++k) {
        const auto [first, stop] = inside(columns, k);
        if (first < stop)
          compare(from + input_row(columns, first, k) * c.channels, columns.stride * c.channels,
                  stop - first, c.channels, tap + k, best + first * c.channels,
                  places + first * c.channels);
      }
    });
  });
}

void chosen_ones(const Convolution& c, const float* x, const uint8_t* chosen, float* y,
                 const Workers& workers) {
  const Axis& columns = c.axes[2];
  const int64_t ins = rows(c, true), outs = rows(c, false);
  const int64_t in = columns.in * c.channels, out = columns.out * c.channels;
  workers.share(c.batch * outs, [&](int64_t piece) {
    float* to = y + piece * out;
    std::fill_n(to, out, 0.0f);
    each_pair_of(c, piece % outs, [&](int64_t tap, int64_t row) {
      const float* from = x + (piece / outs * ins + row) * in;
      for (int64_t k = 0; k < columns.window; ++k) {
        const auto [first, stop] = inside(columns, k);
        const int64_t at = first * c.channels;
        if (first < stop)
          add_chosen(from + input_row(columns, first, k) * c.channels, columns.stride * c.channels,
                     chosen + piece * out + at, stop - first, c.channels, tap + k, to + at,
                     c.channels);
      }
    });
  });
}

void chosen_ones_input(const Convolution& c, const float* y, const uint8_t* chosen, float* x,
                       const Workers& workers) {
  const Axis& columns = c.axes[2];
  const int64_t ins = rows(c, true), outs = rows(c, false);
  const int64_t in = columns.in * c.channels, out = columns.out * c.channels;
  workers.share(c.batch * ins, [&](int64_t piece) {
    float* to = x + piece * in;
    std::fill_n(to, in, 0.0f);
    each_pair_of_input(c, piece % ins, [&](int64_t tap, int64_t row) {
      const int64_t from = (piece / ins * outs + row) * out;
      for (int64_t k = 0; k < columns.window; ++k) {
        const auto [first, stop] = inside(columns, k);
        const int64_t at = from + first * c.channels;
        if (first < stop)
          add_chosen(y + at, c.channels, chosen + at, stop - first, c.channels, tap + k,
                     to + input_row(columns, first, k) * c.channels, columns.stride * c.channels);
      }
    });
  });
}

}  // namespace keraunos
