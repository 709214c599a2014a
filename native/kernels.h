// What the kernels compute, and on what.
#pragma once

#include <cstdint>

#include "parallel.h"

namespace keraunos {

enum class Cell { kLstm, kGru, kSimple };

// A recurrence over time. Rows are (batch, time) and features; G = units times the cell's gates.
// Null where a cell has no second state, or where there is no mask or dropout.
struct Recurrence {
  Cell cell;
  float slope;                     // of the gates' function, cut off at 0 and 1; 0: the logistic
  bool reverse;
  int64_t batch, time, units;
  const float *h0, *c0;            // (batch, units)
  const float* recurrent_kernel;   // (units, G)
  const uint8_t* keep;             // (batch, time)
  const float* dropout;            // (batch, units)
};

struct RecurrenceResults {
  float* gates;    // (batch, time, G): the projected input, then what the gradient needs
  float* outputs;  // (batch, time, units)
  float* cells;    // (batch, time, units)
  float *h, *c;    // (batch, units)
};

struct RecurrenceGradients {
  float* gates;                        // in: saved by the forward pass; out: d loss / d z
  const float *outputs, *cells;        // as the forward pass gave them
  const float *of_outputs, *of_h, *of_c;
  float *of_h0, *of_c0;
};

// A convolution of (batch, depth, height, width, channels) with (window, channels, filters).
struct Axis {
  int64_t in, out, window, stride, dilation, before;
};

struct Convolution {
  int64_t batch, channels, filters;
  Axis axes[3];
};

void recurrence(const Recurrence&, const RecurrenceResults&, const Workers&);
void recurrence_gradient(const Recurrence&, const RecurrenceGradients&, const Workers&);

// Bilinear in two of x, w and y, and each the transpose of the others.
void convolution(const Convolution&, const float* x, const float* w, float* y, const Workers&);
void convolution_input(const Convolution&, const float* y, const float* w, float* x, const Workers&);
void convolution_kernel(const Convolution&, const float* x, const float* y, float* w, const Workers&);

// The same with one filter a channel: w is (window, channels).
void depthwise(const Convolution&, const float* x, const float* w, float* y, const Workers&);
void depthwise_input(const Convolution&, const float* y, const float* w, float* x, const Workers&);
void depthwise_kernel(const Convolution&, const float* x, const float* y, float* w, const Workers&);

// Windows of a convolution with as many filters as channels. Largest: y is the largest element of
// each window, `chosen` its place in the window. The others give y the elements of x at these
// places, and add up in x the elements of y that belong there.
void largest(const Convolution&, const float* x, float* y, uint8_t* chosen, const Workers&);
void chosen_ones(const Convolution&, const float* x, const uint8_t* chosen, float* y, const Workers&);
void chosen_ones_input(const Convolution&, const float* y, const uint8_t* chosen, float* x,
                       const Workers&);

// to[i] = from[which[i]], rows of so many bytes.
void rows(const char* from, const int32_t* which, int64_t count, int64_t bytes, char* to,
          const Workers&);

}  // namespace keraunos
