// Rows of pixels under a sliding window: which row meets which, at which element of the window.
#pragma once

#include <algorithm>

#include "kernels.h"

namespace keraunos {

// Output pixels [first, stop) of a row whose element `tap` of the window lies in the image.
struct Run {
  int64_t first, stop;
};

inline Run inside(const Axis& axis, int64_t tap) {
  const int64_t shift = axis.before - tap * axis.dilation;  // of the input that meets output 0
  const int64_t first = shift > 0 ? (shift + axis.stride - 1) / axis.stride : 0;
  const int64_t last = axis.in - 1 + shift;
  const int64_t stop = last < 0 ? 0 : std::min(last / axis.stride + 1, axis.out);
  return {std::min(first, stop), stop};
}

inline int64_t input_row(const Axis& axis, int64_t out, int64_t tap) {
  return out * axis.stride + tap * axis.dilation - axis.before;
}

inline int64_t rows(const Convolution& c, bool of_input) {
  return of_input ? c.axes[0].in * c.axes[1].in : c.axes[0].out * c.axes[1].out;
}

// Calls run(tap, input row, output row) for each pair of rows that the window's rows (plane, row)
// join, of one sample; rows are counted over the planes.
template <typename Each>
void each_pair_of(const Convolution& c, int64_t output, const Each& each) {
  const auto& [planes, lines, columns] = c.axes;
  const int64_t plane = output / lines.out, line = output % lines.out;
  for (int64_t i = 0; i < planes.window; ++i) {
    const int64_t z = input_row(planes, plane, i);
    for (int64_t j = 0; j < lines.window; ++j) {
      const int64_t y = input_row(lines, line, j);
      if (z >= 0 && z < planes.in && y >= 0 && y < lines.in)
        each((i * lines.window + j) * columns.window, z * lines.in + y);
    }
  }
}

// The output row that an input row meets at an element of the window; -1 where there is none.
inline int64_t output_row(const Axis& axis, int64_t in, int64_t tap) {
  const int64_t steps = in + axis.before - tap * axis.dilation;
  return steps >= 0 && steps % axis.stride == 0 && steps / axis.stride < axis.out
             ? steps / axis.stride
             : -1;
}

template <typename Each>
void each_pair_of_input(const Convolution& c, int64_t input, const Each& each) {
  const auto& [planes, lines, columns] = c.axes;
  const int64_t plane = input / lines.in, line = input % lines.in;
  for (int64_t i = 0; i < planes.window; ++i) {
    const int64_t z = output_row(planes, plane, i);
    for (int64_t j = 0; j < lines.window; ++j) {
      const int64_t y = output_row(lines, line, j);
      if (z >= 0 && y >= 0) each((i * lines.window + j) * columns.window, z * lines.out + y);
    }
  }
}

}  // namespace keraunos
