// Work shared among the threads of a pool that belongs to somebody else.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

namespace keraunos {

class Workers {
 public:
  using Schedule = std::function<void(std::function<void()>)>;

  Workers(int64_t count, Schedule schedule)
      : count_(std::max<int64_t>(count, 1)), schedule_(std::move(schedule)) {}

  int64_t count() const { return count_; }

  // Calls piece(i) once for each i below `count`, then returns.
  // The caller takes pieces too. A helper that comes late finds none left and touches nothing,
  // so a pool that is busy delays nobody.
  template <typename Piece>
  void share(int64_t count, const Piece& piece) const {
    const int64_t helpers = std::min(count_, count) - 1;
    if (helpers <= 0) {
      for (int64_t i = 0; i < count; ++i) piece(i);
      return;
    }
    auto state = std::make_shared<State>(count);
    auto take = [state, work = &piece] {
      int64_t finished = 0;
      for (int64_t i; (i = state->next.fetch_add(1)) < state->count; ++finished) (*work)(i);
      if (finished) state->finish(finished);
    };
    for (int64_t i = 0; i < helpers; ++i) schedule_(take);
    take();
    state->wait();
  }

 private:
  struct State {
    explicit State(int64_t count) : count(count) {}

    void finish(int64_t pieces) {
      if (done.fetch_add(pieces) + pieces < count) return;
      std::lock_guard<std::mutex> lock(mutex);
      all_done.notify_one();
    }

    void wait() {
      for (int spin = 0; spin < 2000; ++spin)
        if (done.load() == count) return;
      std::unique_lock<std::mutex> lock(mutex);
      all_done.wait(lock, [this] { return done.load() == count; });
    }

    const int64_t count;
    std::atomic<int64_t> next{0}, done{0};
    std::mutex mutex;
    std::condition_variable all_done;
  };

  int64_t count_;
  Schedule schedule_;
};

}  // namespace keraunos
