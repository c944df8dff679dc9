// io_uring.c - completions: the kernel does the receiving and sending, and reports what is done.
//
// Recipe
//   1. One ring, used by one thread; completions are worked on only when we wait for them
//      (SINGLE_ISSUER, DEFER_TASKRUN).
//   2. One multishot accept makes clients, as slots in the ring's own file table.
//   3. One multishot receive a client; the kernel picks a buffer from a shared ring of buffers when
//      data comes. An idle client has none.
//   4. What was received is sent from that very buffer. Sends are submitted by the same call that
//      waits for the next completions: one system call a turn, however many clients.
//   5. A send may not wait (MSG_DONTWAIT), so it is over when that call returns, and reports only
//      trouble (CQE_SKIP_SUCCESS): silence is the proof that the buffer is free again. Trouble is a
//      client that does not read; for it the rest is sent again, this time waiting.
//   6. At most one send a client is in flight; what comes meanwhile is queued and goes out as one.
//      A client that has too much queued is not received from until the queue is empty.
//   7. A slot is closed when neither a receive nor a send can touch it any more.
#define _GNU_SOURCE
#include <liburing.h>
#include <stdint.h>
#include <string.h>

#include "listen.h"

enum {
  SUBMISSIONS = 4096,
  COMPLETIONS = 16384,
  CLIENTS_MAX = 20000,
  BUFFER_COUNT = 128,  // They are used in turn, so more would fall out of the cache in between.
  BUFFER_STRIDE = BUFFER_SIZE + 192,  // Not a power of two: they would all fall in one cache set.
  BUFFER_GROUP = 0,
  QUEUED_MAX = 4,   // Buffers a client may have queued before its receive is cancelled.
  PIECES_MAX = 16,  // Buffers in one send.
  NONE = -1
};

// REFUSED is what a send at once reports, if anything.
enum kind { ACCEPTED, RECEIVED, SENT, REFUSED, CANCELLED, CLOSED };

struct client {
  int first, last;  // The queue of buffers to be sent.
  int queued;       // Its length.
  uint32_t offset;  // What has gone out of the first one.
  char receiving;   // The multishot receive is armed.
  char cancelling;  // It is being disarmed.
  char sending;     // A send is in flight.
  char touched;     // It is on the list of those.
  char closing;     // Its slot is being closed.
  char refused;     // A send at once did not take everything: wait until the queue is empty.
  char finished;    // No more data will come.
};

static struct client clients[CLIENTS_MAX];
static int next_buffer[BUFFER_COUNT];          // Links of the clients' queues.
static uint32_t filled[BUFFER_COUNT];          // How many bytes are in each buffer.
static int batch[SUBMISSIONS], batch_size;     // Clients whose send is over after the next wait.
static int retries[CLIENTS_MAX], retry_count;  // Clients that found no buffer.
static int touched[CLIENTS_MAX], touched_count;  // Clients to whom something has happened.
static int free_count;                           // Buffers that the kernel may fill.
static char* buffers;
static struct io_uring ring;
static struct io_uring_buf_ring* free_buffers;
static int listener;

static struct io_uring_sqe* new_operation(enum kind kind, int client) {
  struct io_uring_sqe* sqe;
  while (!(sqe = io_uring_get_sqe(&ring))) io_uring_submit(&ring);
  io_uring_sqe_set_data64(sqe, (uint64_t)kind << 32 | (uint32_t)client);
  return sqe;
}

static void arm_accept(void) {
  struct io_uring_sqe* sqe = new_operation(ACCEPTED, 0);
  io_uring_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
}

static void arm_receive(int index) {
  struct io_uring_sqe* sqe = new_operation(RECEIVED, index);
  io_uring_prep_recv_multishot(sqe, index, NULL, 0, 0);
  sqe->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  sqe->buf_group = BUFFER_GROUP;
  clients[index].receiving = 1;
}

static char* unsent(int buffer, uint32_t offset) {
  return buffers + (size_t)buffer * BUFFER_STRIDE + offset;
}

static void give_back(int buffer) {
  free_count++;
  io_uring_buf_ring_add(free_buffers, unsent(buffer, 0), BUFFER_SIZE, (unsigned short)buffer,
                        io_uring_buf_ring_mask(BUFFER_COUNT), 0);
  io_uring_buf_ring_advance(free_buffers, 1);
}

static void drop_first(struct client* client) {
  int buffer = client->first;
  client->first = next_buffer[buffer];
  client->queued--;
  client->offset = 0;
  give_back(buffer);
}

// One buffer goes at once: the send does not wait, and is over when the ring has been entered.
// It reports nothing, so nobody may be waiting for its end: the queue is empty behind it, and the
// receive is armed. Otherwise all of the queue goes in one send that waits and reports.
static void start_send(int index) {
  struct client* client = &clients[index];
  client->sending = 1;
  int at_once = client->queued == 1 && client->receiving && !client->refused;
  if (at_once && batch_size < SUBMISSIONS) {
    struct io_uring_sqe* sqe = new_operation(REFUSED, index);
    io_uring_prep_send(sqe, index, unsent(client->first, client->offset),
                       filled[client->first] - client->offset,
                       MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT);
    sqe->flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    batch[batch_size++] = index;
    return;
  }
  // The kernel copies header and pieces when the operation is submitted.
  static struct gather {
    struct msghdr header;
    struct iovec pieces[PIECES_MAX];
  } gathers[SUBMISSIONS];
  static unsigned next_gather;
  struct gather* gather = &gathers[next_gather++ % SUBMISSIONS];
  int count = 0;
  uint32_t offset = client->offset;
  for (int buffer = client->first; count < client->queued && count < PIECES_MAX; count++) {
    gather->pieces[count] = (struct iovec){unsent(buffer, offset), filled[buffer] - offset};
    buffer = next_buffer[buffer];
    offset = 0;
  }
  gather->header = (struct msghdr){.msg_iov = gather->pieces, .msg_iovlen = (size_t)count};
  struct io_uring_sqe* sqe = new_operation(SENT, index);
  io_uring_prep_sendmsg(sqe, index, &gather->header, MSG_NOSIGNAL | MSG_WAITALL);
  sqe->flags = IOSQE_FIXED_FILE;
}

static void close_if_unused(int index) {
  struct client* client = &clients[index];
  if (!client->finished || client->closing) return;
  if (client->receiving || client->sending || client->queued) return;
  client->closing = 1;
  struct io_uring_sqe* sqe = new_operation(CLOSED, index);
  io_uring_prep_close_direct(sqe, (unsigned)index);
  sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
}

static void touch(int index) {
  if (clients[index].touched) return;
  clients[index].touched = 1;
  touched[touched_count++] = index;
}

// Decides what a client does next, after all that has happened to it in this turn: nothing may be
// queued behind a send that reports nothing.
static void go_on(int index) {
  struct client* client = &clients[index];
  client->touched = 0;
  if (client->queued && !client->sending) start_send(index);
  if (!client->queued && !client->receiving && !client->finished) arm_receive(index);
  if (client->queued > QUEUED_MAX && client->receiving && !client->cancelling) {
    struct io_uring_sqe* sqe = new_operation(CANCELLED, index);
    io_uring_prep_cancel64(sqe, (uint64_t)RECEIVED << 32 | (uint32_t)index, 0);
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
    client->cancelling = 1;
  }
  close_if_unused(index);
}

static void on_accepted(const struct io_uring_cqe* cqe) {
  if (cqe->res >= 0) {
    clients[cqe->res] = (struct client){.first = NONE};
    arm_receive(cqe->res);
  } else {
    errno = -cqe->res;
    accept_failed();
  }
  if (!(cqe->flags & IORING_CQE_F_MORE)) arm_accept();
}

static void on_received(int index, const struct io_uring_cqe* cqe) {
  struct client* client = &clients[index];
  if (!(cqe->flags & IORING_CQE_F_MORE)) client->receiving = client->cancelling = 0;
  if (cqe->res > 0) {
    int buffer = (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    filled[buffer] = (uint32_t)cqe->res;
    free_count--;
    if (client->queued++) {
      next_buffer[client->last] = buffer;
    } else {
      client->first = buffer;
    }
    client->last = buffer;
  } else if (cqe->res == -ENOBUFS) {
    retries[retry_count++] = index;  // After this batch its buffers are free again.
    return;
  } else if (cqe->res != -ECANCELED) {
    client->finished = 1;
  }
  touch(index);
}

// A send at once that did not take everything, or one that waited and is over.
static void on_sent(int index, int result) {
  struct client* client = &clients[index];
  client->sending = 0;
  if (result < 0 && result != -EAGAIN) {
    client->finished = 1;
    while (client->queued) drop_first(client);
    return;
  }
  if (result > 0) client->offset += (uint32_t)result;
  while (client->queued && client->offset >= filled[client->first]) {
    uint32_t beyond = client->offset - filled[client->first];
    drop_first(client);
    client->offset = beyond;
  }
  if (!client->queued) client->refused = 0;
}

// After the ring was entered: every send of the batch that did not report trouble is done.
static void settle(void) {
  for (int i = 0; i < batch_size; i++) {
    struct client* client = &clients[batch[i]];
    if (client->refused) continue;
    client->sending = 0;
    drop_first(client);
    if (client->queued || !client->receiving) touch(batch[i]);
  }
  batch_size = 0;
}

static void complete(const struct io_uring_cqe* cqe) {
  int index = (int)(uint32_t)cqe->user_data;
  switch ((enum kind)(cqe->user_data >> 32)) {
    case ACCEPTED: on_accepted(cqe); break;
    case RECEIVED: on_received(index, cqe); break;
    case REFUSED:
    case SENT:
      on_sent(index, cqe->res);
      touch(index);
      break;
    case CANCELLED:
    case CLOSED: break;
  }
}

static void turn(void) {
  // Who waits for buffers of the batch gets them without waiting for somebody's message.
  int result = io_uring_submit_and_wait(&ring, retry_count && batch_size ? 0 : 1);
  if (result < 0 && result != -EINTR) die("io_uring_enter");
  unsigned head, seen = 0;
  struct io_uring_cqe* cqe;
  io_uring_for_each_cqe(&ring, head, cqe) {
    if (cqe->user_data >> 32 == REFUSED) clients[(uint32_t)cqe->user_data].refused = 1;
  }
  settle();
  io_uring_for_each_cqe(&ring, head, cqe) {
    complete(cqe);
    seen++;
  }
  io_uring_cq_advance(&ring, seen);
  while (retry_count && free_count) touch(retries[--retry_count]);
  for (int i = 0; i < touched_count; i++) go_on(touched[i]);
  touched_count = 0;
}

static void make_ring(void) {
  struct io_uring_params parameters = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                                IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                                                IORING_SETUP_SUBMIT_ALL,
                                       .cq_entries = COMPLETIONS};
  if ((errno = -io_uring_queue_init_params(SUBMISSIONS, &ring, &parameters)))
    die("io_uring_setup");
  io_uring_register_ring_fd(&ring);
  if ((errno = -io_uring_register_files_sparse(&ring, CLIENTS_MAX))) die("file table");
  free_buffers = aligned_alloc(4096, BUFFER_COUNT * sizeof(struct io_uring_buf));
  buffers = aligned_alloc(4096, (size_t)BUFFER_COUNT * BUFFER_STRIDE);
  if (!free_buffers || !buffers) die("buffers");
  struct io_uring_buf_reg registration = {.ring_addr = (uint64_t)(uintptr_t)free_buffers,
                                          .ring_entries = BUFFER_COUNT,
                                          .bgid = BUFFER_GROUP};
  if ((errno = -io_uring_register_buf_ring(&ring, &registration, 0))) die("buffer ring");
  io_uring_buf_ring_init(free_buffers);
  for (int i = 0; i < BUFFER_COUNT; i++) give_back(i);
}

int main(int argc, char** argv) {
  listener = listen_on(argc, argv, 0);
  make_ring();
  arm_accept();
  for (;;) turn();
}
