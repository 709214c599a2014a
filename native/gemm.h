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

// `Rows` rows of C and one panel of B; `width` columns of the panel are real.
template <int Rows>
inline void tile(Strided a, const float* panel, int64_t panel_row, int64_t depth, float* c,
                 int64_t c_row, int64_t width, bool add) {
  Vector sum[Rows][2];
  for (auto& row : sum) row[0] = row[1] = Vector{};
  for (int64_t k = 0; k < depth; ++k, panel += panel_row) {
    const Vector left = load(panel), right = load(panel + kLanes);
    const float* element = a.data + k * a.column;
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const float value = element[i * a.row];
      sum[i][0] += left * value;
      sum[i][1] += right * value;
    }
  }
  if (width == kColumns) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      float* to = c + i * c_row;
      if (add) sum[i][0] += load(to), sum[i][1] += load(to + kLanes);
      store(to, sum[i][0]);
      store(to + kLanes, sum[i][1]);
    }
    return;
  }
  for (int i = 0; i < Rows; ++i) {
    float row[kColumns], *to = c + i * c_row;
    store(row, sum[i][0]);
    store(row + kLanes, sum[i][1]);
    for (int64_t j = 0; j < width; ++j) to[j] = row[j] + (add ? to[j] : 0);
  }
}

// The last rows, fewer than kRows of them.
template <int Rows = kRows - 1>
inline void last_tile(int64_t rows, Strided a, const float* panel, int64_t panel_row,
                      int64_t depth, float* c, int64_t c_row, int64_t width, bool add) {
  if constexpr (Rows > 0) {
    if (rows == Rows) return tile<Rows>(a, panel, panel_row, depth, c, c_row, width, add);
    last_tile<Rows - 1>(rows, a, panel, panel_row, depth, c, c_row, width, add);
  }
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
      Strided block = {a.data + first * a.column, a.row, a.column};
      float* to = c + p * kColumns;
      int64_t left = rows;
      for (; left >= kRows; left -= kRows, block.data += kRows * a.row, to += kRows * c_row)
        tile<kRows>(block, panel, b.row, share, to, c_row, width, add || first);
      last_tile(left, block, panel, b.row, share, to, c_row, width, add || first);
    }
  }
}

}  // namespace keraunos
