// Recurrent layers over time: each thread takes rows of the batch through all the steps alone.
//
// The input is already projected. A step is one small product with the recurrent kernel and the
// gates; the gates stay where the projected input stood, for the gradient to read.
#include <memory>
#include <vector>

#include "gemm.h"
#include "kernels.h"

namespace keraunos {
namespace {

// A rational minimax approximation, exact to about 1e-7, as in Eigen and XLA.
inline float tanh_(float x) {
  x = x > 7.90531f ? 7.90531f : x < -7.90531f ? -7.90531f : x;
  const float s = x * x;
  float p = -2.76076847742355e-16f;
  p = p * s + 2.00018790482477e-13f;
  p = p * s - 8.60467152213735e-11f;
  p = p * s + 5.12229709037114e-08f;
  p = p * s + 1.48572235717979e-05f;
  p = p * s + 6.37261928875436e-04f;
  p = p * s + 4.89352455891786e-03f;
  float q = 1.19825839466702e-06f;
  q = q * s + 1.18534705686654e-04f;
  q = q * s + 2.26843463243900e-03f;
  q = q * s + 4.89352518554385e-03f;
  return x * p / q;
}

// The functions of gates: a value, and the derivative there, which is a function of the value.
struct Logistic {
  float operator()(float x) const { return 0.5f + 0.5f * tanh_(0.5f * x); }
  float derivative(float y) const { return y * (1 - y); }
};

// A line through (0, 1/2), cut off at 0 and 1.
struct Hard {
  float slope;
  float operator()(float x) const {
    const float y = 0.5f + slope * x;
    return y < 0 ? 0 : y > 1 ? 1 : y;
  }
  float derivative(float y) const { return y > 0 && y < 1 ? slope : 0; }
};

// What one row of the batch has at one step. Gates are blocks of `n` units.
struct Row {
  int64_t n;
  float* __restrict__ z;             // the gates
  const float* __restrict__ h0;      // the states before
  const float* __restrict__ c0;
  float* __restrict__ h;             // the states after
  float* __restrict__ c;
};

struct RowGradient {
  int64_t n;
  float* __restrict__ z;             // in: the gates; out: the gradient of what entered them
  const float* __restrict__ h0;      // the states before and after, as they were
  const float* __restrict__ c0;
  const float* __restrict__ h;
  const float* __restrict__ c;
  float* __restrict__ of_h;          // in: of the states after; out: of those before, but for
  float* __restrict__ of_c;          //     the share that goes through the product
};

template <typename Gate>
struct Lstm {
  static constexpr int kGates = 4;
  Gate gate;

  void step(const Row& r) const {
    float *i = r.z, *f = i + r.n, *g = f + r.n, *o = g + r.n;
#pragma GCC ivdep
    for (int64_t j = 0; j < r.n; ++j) {
      i[j] = gate(i[j]);
      f[j] = gate(f[j]);
      g[j] = tanh_(g[j]);
      o[j] = gate(o[j]);
      r.c[j] = f[j] * r.c0[j] + i[j] * g[j];
      r.h[j] = o[j] * tanh_(r.c[j]);
    }
  }

  void gradient(const RowGradient& r) const {
    float *i = r.z, *f = i + r.n, *g = f + r.n, *o = g + r.n;
#pragma GCC ivdep
    for (int64_t j = 0; j < r.n; ++j) {
      const float squashed = tanh_(r.c[j]);
      const float of_c = r.of_c[j] + r.of_h[j] * o[j] * (1 - squashed * squashed);
      r.of_c[j] = of_c * f[j];
      o[j] = r.of_h[j] * squashed * gate.derivative(o[j]);
      f[j] = of_c * r.c0[j] * gate.derivative(f[j]);
      const float of_i = of_c * g[j] * gate.derivative(i[j]);
      g[j] = of_c * i[j] * (1 - g[j] * g[j]);
      i[j] = of_i;
      r.of_h[j] = 0;
    }
  }
};

// With the reset gate after the product: update, reset, the candidate's share of the input and,
// apart from it, that of the state.
template <typename Gate>
struct Gru {
  static constexpr int kGates = 4;
  Gate gate;

  void step(const Row& r) const {
    float *update = r.z, *reset = update + r.n, *candidate = reset + r.n;
    const float* inner = candidate + r.n;
#pragma GCC ivdep
    for (int64_t j = 0; j < r.n; ++j) {
      update[j] = gate(update[j]);
      reset[j] = gate(reset[j]);
      candidate[j] = tanh_(candidate[j] + reset[j] * inner[j]);
      r.h[j] = update[j] * r.h0[j] + (1 - update[j]) * candidate[j];
    }
  }

  void gradient(const RowGradient& r) const {
    float *update = r.z, *reset = update + r.n, *candidate = reset + r.n, *inner = candidate + r.n;
#pragma GCC ivdep
    for (int64_t j = 0; j < r.n; ++j) {
      const float of_h = r.of_h[j], old = candidate[j];
      const float of_candidate = of_h * (1 - update[j]) * (1 - old * old);
      candidate[j] = of_candidate;
      r.of_h[j] = of_h * update[j];
      update[j] = of_h * (r.h0[j] - old) * gate.derivative(update[j]);
      const float open = reset[j];
      reset[j] = of_candidate * inner[j] * gate.derivative(open);
      inner[j] = of_candidate * open;
    }
  }
};

struct Simple {
  static constexpr int kGates = 1;

  void step(const Row& r) const {
#pragma GCC ivdep
    for (int64_t j = 0; j < r.n; ++j) r.h[j] = r.z[j] = tanh_(r.z[j]);
  }

  void gradient(const RowGradient& r) const {
#pragma GCC ivdep
    for (int64_t j = 0; j < r.n; ++j) {
      r.z[j] = r.of_h[j] * (1 - r.z[j] * r.z[j]);
      r.of_h[j] = 0;
    }
  }
};

// Rows that one thread takes at a time: as many for each thread, and the states stay in its cache.
int64_t rows_at_once(int64_t batch, const Workers& workers) {
  const int64_t turns = (batch + workers.count() * 8 * kRows - 1) / (workers.count() * 8 * kRows);
  const int64_t pieces = std::max<int64_t>(turns, 1) * workers.count();
  return std::max<int64_t>((batch + pieces - 1) / pieces, 1);
}

template <typename Piece>
void share_rows(int64_t batch, const Workers& workers, const Piece& piece) {
  const int64_t rows = rows_at_once(batch, workers);
  workers.share((batch + rows - 1) / rows,
                [&](int64_t i) { piece(i * rows, std::min(rows, batch - i * rows)); });
}

template <typename CellType>
void forward(const CellType& cell, const Recurrence& r, const RecurrenceResults& to, const Workers& workers) {
  const int64_t n = r.units, width = CellType::kGates * n, steps = r.time;
  std::vector<float> packed(packed_size(n, width));
  const Panels kernel = pack({r.recurrent_kernel, width, 1}, n, width, packed.data());

  share_rows(r.batch, workers, [&](int64_t first, int64_t rows) {
    std::vector<float> dropped(r.dropout ? rows * n : 0);
    for (int64_t k = 0; k < steps; ++k) {
      const int64_t t = r.reverse ? steps - 1 - k : k, before = r.reverse ? t + 1 : t - 1;
      auto at = [&](int64_t row, int64_t time) { return (first + row) * steps + time; };
      // The states before this step: the first ones, or the last step's results.
      auto state = [&](const float* initial, const float* results, int64_t row) {
        return k ? results + at(row, before) * n : initial + (first + row) * n;
      };
      Strided h = {state(r.h0, to.outputs, 0), k ? steps * n : n, 1};
      if (r.dropout) {
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t j = 0; j < n; ++j)
            dropped[row * n + j] = h.data[row * h.row + j] * r.dropout[(first + row) * n + j];
        h = {dropped.data(), n, 1};
      }
      product(rows, width, n, h, kernel, to.gates + at(0, t) * width, steps * width, true);
      for (int64_t row = 0; row < rows; ++row) {
        const float *h0 = state(r.h0, to.outputs, row), *c0 = state(r.c0, to.cells, row);
        float *h1 = to.outputs + at(row, t) * n, *c1 = to.cells + at(row, t) * n;
        if (r.keep && !r.keep[at(row, t)]) {
          std::copy_n(h0, n, h1);
          if (r.c0) std::copy_n(c0, n, c1);
        } else {
          cell.step({n, to.gates + at(row, t) * width, h0, c0, h1, c1});
        }
      }
    }
    const int64_t last = r.reverse ? 0 : steps - 1;
    for (int64_t row = first; row < first + rows; ++row) {
      const int64_t at = (row * steps + last) * n;
      std::copy_n(steps ? to.outputs + at : r.h0 + row * n, n, to.h + row * n);
      if (r.c0) std::copy_n(steps ? to.cells + at : r.c0 + row * n, n, to.c + row * n);
    }
  });
}

template <typename CellType>
void backward(const CellType& cell, const Recurrence& r, const RecurrenceGradients& g, const Workers& workers) {
  const int64_t n = r.units, width = CellType::kGates * n, steps = r.time;
  std::vector<float> packed(packed_size(width, n));
  const Panels kernel = pack({r.recurrent_kernel, 1, width}, width, n, packed.data());

  share_rows(r.batch, workers, [&](int64_t first, int64_t rows) {
    float* of_h = g.of_h0 + first * n;
    float* of_c = r.c0 ? g.of_c0 + first * n : nullptr;
    std::copy_n(g.of_h + first * n, rows * n, of_h);
    if (r.c0) std::copy_n(g.of_c + first * n, rows * n, of_c);
    std::vector<float> through(rows * n);
    for (int64_t k = steps - 1; k >= 0; --k) {
      const int64_t t = r.reverse ? steps - 1 - k : k, before = r.reverse ? t + 1 : t - 1;
      auto at = [&](int64_t row, int64_t time) { return (first + row) * steps + time; };
      auto state = [&](const float* initial, const float* results, int64_t row) {
        return k ? results + at(row, before) * n : initial + (first + row) * n;
      };
      for (int64_t row = 0; row < rows; ++row) {
        float* gates = g.gates + at(row, t) * width;
        const float* of_output = g.of_outputs + at(row, t) * n;
        for (int64_t j = 0; j < n; ++j) of_h[row * n + j] += of_output[j];
        if (r.keep && !r.keep[at(row, t)]) {
          std::fill_n(gates, width, 0.0f);
        } else {
          cell.gradient({n, gates, state(r.h0, g.outputs, row),
                              r.c0 ? state(r.c0, g.cells, row) : nullptr,
                              g.outputs + at(row, t) * n, g.cells + at(row, t) * n,
                              of_h + row * n, r.c0 ? of_c + row * n : nullptr});
        }
      }
      product(rows, n, width, {g.gates + at(0, t) * width, steps * width, 1}, kernel,
              through.data(), n, false);
      const float* dropout = r.dropout ? r.dropout + first * n : nullptr;
      for (int64_t j = 0; j < rows * n; ++j)
        of_h[j] += dropout ? through[j] * dropout[j] : through[j];
    }
  });
}

// Calls run(cell) with the cell of a recurrence.
template <typename Run>
void with_cell(const Recurrence& r, const Run& run) {
  switch (r.cell) {
    case Cell::kLstm:
      return r.slope ? run(Lstm<Hard>{{r.slope}}) : run(Lstm<Logistic>{});
    case Cell::kGru:
      return r.slope ? run(Gru<Hard>{{r.slope}}) : run(Gru<Logistic>{});
    case Cell::kSimple:
      return run(Simple{});
  }
}

}  // namespace

void recurrence(const Recurrence& r, const RecurrenceResults& to, const Workers& workers) {
  with_cell(r, [&](const auto& cell) { forward(cell, r, to, workers); });
}

void recurrence_gradient(const Recurrence& r, const RecurrenceGradients& g, const Workers& workers) {
  with_cell(r, [&](const auto& cell) { backward(cell, r, g, workers); });
}

}  // namespace keraunos
