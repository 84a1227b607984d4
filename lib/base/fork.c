#include "base/fork.h"

#include <sys/mman.h>
#include <unistd.h>

struct ac_fork_page {
  char mark; /* 1 here, 0 in children */
};

static size_t page_size(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

struct ac_fork_page *ac_fork_page_new(void) {
  struct ac_fork_page *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED)
    return NULL;
  if (madvise(page, page_size(), MADV_WIPEONFORK) != 0) {
    munmap(page, page_size());
    return NULL;
  }
  page->mark = 1;
  return page;
}

void ac_fork_page_free(struct ac_fork_page *page) {
  if (page)
    munmap(page, page_size());
}

bool ac_forked(const struct ac_fork_page *page) {
  return page->mark == 0;
}
