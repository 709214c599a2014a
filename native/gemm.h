// C (+)= A B in blocks that stay in registers; B is read in panels of kColumns columns.
//
// Reference: Goto and van de Geijn, Anatomy of high-performance matrix multiplication, 2008.
#pragma once

#include <algorithm>

#include "isa.h"

namespace keraunos {

// A matrix whose rows and columns may stand any number of elements apart.
struct Strided {
  const float* data;
  int64_t row, column;
};

// B: panel p starts at data + p * panel, and its rows are `row` elements apart.
struct Panels {
  const float* data;
  int64_t row, panel;
};

inline int64_t panels(int64_t columns) { return (columns + kColumns - 1) / kColumns; }

// Elements that the packed form of a matrix (rows, columns) takes.
inline int64_t packed_size(int64_t rows, int64_t columns) {
  return rows * panels(columns) * kColumns;
}

// Panel after panel, each (rows, kColumns), the last one filled up with zeros.
inline Panels pack(Strided b, int64_t rows, int64_t columns, float* to) {
  const Panels packed = {to, kColumns, rows * kColumns};
  for (int64_t first = 0; first < columns; first += kColumns) {
    const int64_t width = std::min<int64_t>(kColumns, columns - first);
    for (int64_t k = 0; k < rows; ++k, to += kColumns) {
      const float* from = b.data + k * b.row + first * b.column;
      for (int64_t j = 0; j < width; ++j) to[j] = from[j * b.column];
      for (int64_t j = width; j < kColumns; ++j) to[j] = 0;
    }
  }
  return packed;
}

// `Rows` rows of C and the first vectors of a panel of B; `width` of their columns are real.
template <int Rows, int Vectors>
inline void tile(Strided a, const float* panel, int64_t panel_row, int64_t depth, float* c,
                 int64_t c_row, int64_t width, bool add) {
  Vector sum[Rows][Vectors];
  for (auto& row : sum)
    for (auto& part : row) part = Vector{};
  for (int64_t k = 0; k < depth; ++k, panel += panel_row) {
    Vector right[Vectors];
    for (int v = 0; v < Vectors; ++v) right[v] = load(panel + v * kLanes);
    const float* element = a.data + k * a.column;
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const float value = element[i * a.row];
      for (int v = 0; v < Vectors; ++v) sum[i][v] += right[v] * value;
    }
  }
  if (width == Vectors * kLanes) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i)
      for (int v = 0; v < Vectors; ++v) {
        float* to = c + i * c_row + v * kLanes;
        store(to, add ? sum[i][v] + load(to) : sum[i][v]);
      }
    return;
  }
  for (int i = 0; i < Rows; ++i) {
    float row[Vectors * kLanes], *to = c + i * c_row;
    for (int v = 0; v < Vectors; ++v) store(row + v * kLanes, sum[i][v]);
    for (int64_t j = 0; j < width; ++j) to[j] = row[j] + (add ? to[j] : 0);
  }
}

// The last rows, fewer than kRows of them.
template <int Vectors, int Rows = kRows - 1>
inline void last_tile(int64_t rows, Strided a, const float* panel, int64_t panel_row,
                      int64_t depth, float* c, int64_t c_row, int64_t width, bool add) {
  if constexpr (Rows > 0) {
    if (rows == Rows) return tile<Rows, Vectors>(a, panel, panel_row, depth, c, c_row, width, add);
    last_tile<Vectors, Rows - 1>(rows, a, panel, panel_row, depth, c, c_row, width, add);
  }
}

// All rows of C and one panel of B.
template <int Vectors>
inline void stripe(int64_t rows, Strided a, const float* panel, int64_t panel_row, int64_t depth,
                   float* c, int64_t c_row, int64_t width, bool add) {
  for (; rows >= kRows; rows -= kRows, a.data += kRows * a.row, c += kRows * c_row)
    tile<kRows, Vectors>(a, panel, panel_row, depth, c, c_row, width, add);
  last_tile<Vectors>(rows, a, panel, panel_row, depth, c, c_row, width, add);
}

// The share of `depth` whose panel stays in the first cache.
constexpr int64_t kDepth = 320;

// c (rows, columns) = a (rows, depth) @ b, added to what is in c if `add`.
inline void product(int64_t rows, int64_t columns, int64_t depth, Strided a, Panels b, float* c,
                    int64_t c_row, bool add) {
  for (int64_t first = 0; first < depth; first += kDepth) {
    const int64_t share = std::min(kDepth, depth - first);
    for (int64_t p = 0; p < panels(columns); ++p) {
      const float* panel = b.data + p * b.panel + first * b.row;
      const int64_t width = std::min<int64_t>(kColumns, columns - p * kColumns);
      const Strided block = {a.data + first * a.column, a.row, a.column};
      const auto one = width > kLanes ? stripe<2> : stripe<1>;
      one(rows, block, panel, b.row, share, c + p * kColumns, c_row, width, add || first);
    }
  }
}

// Up to so many columns fill no vector: the sum over the depth is done in vectors instead.
constexpr int kNarrow = 4;

inline float sum_of(Vector value) {
  float parts[kLanes];
  store(parts, value);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) parts[i] += parts[i + half];
  return parts[0];
}

template <int Columns>
inline void narrow_rows(int64_t rows, int64_t depth, const float* a, const float* b, float* c) {
  constexpr int kAtOnce = 4;
  const int64_t whole = depth / kLanes * kLanes;
  for (int64_t first = 0; first < rows; first += kAtOnce) {
    const float* row[kAtOnce];  // beyond the last row it is the last one again
    for (int i = 0; i < kAtOnce; ++i) row[i] = a + std::min(first + i, rows - 1) * depth;
    Vector sum[kAtOnce][Columns];
    for (auto& one : sum)
      for (auto& part : one) part = Vector{};
    for (int64_t k = 0; k < whole; k += kLanes) {
      Vector right[Columns];
      for (int j = 0; j < Columns; ++j) right[j] = load(b + j * depth + k);
      for (int i = 0; i < kAtOnce; ++i) {
        const Vector left = load(row[i] + k);
        for (int j = 0; j < Columns; ++j) sum[i][j] += left * right[j];
      }
    }
    for (int i = 0; i < kAtOnce && first + i < rows; ++i)
      for (int j = 0; j < Columns; ++j) {
        float total = sum_of(sum[i][j]);
        for (int64_t k = whole; k < depth; ++k) total += row[i][k] * b[j * depth + k];
        c[(first + i) * Columns + j] = total;
      }
  }
}

// c (rows, columns) = a (rows, depth) @ b (columns, depth) transposed, for at most kNarrow columns.
inline void narrow_product(int64_t rows, int64_t columns, int64_t depth, const float* a,
                           const float* b, float* c) {
  const auto run = columns == 1   ? narrow_rows<1>
                   : columns == 2 ? narrow_rows<2>
                   : columns == 3 ? narrow_rows<3>
                                  : narrow_rows<4>;
  run(rows, depth, a, b, c);
}

}  // namespace keraunos
