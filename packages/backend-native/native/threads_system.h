// Threads and locks of POSIX and of Windows under one set of names, for threads.c and program/engine.c.
#pragma once
#include <stdbool.h>
#include <stdint.h>

static inline void spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

typedef SRWLOCK Mutex;
typedef CONDITION_VARIABLE Condition;
typedef HANDLE Thread;
#define MUTEX_INITIAL SRWLOCK_INIT
#define CONDITION_INITIAL CONDITION_VARIABLE_INIT
#define THREAD_MAIN(name) static DWORD WINAPI name(void *argument)

static inline void mutex_lock(Mutex *m) { AcquireSRWLockExclusive(m); }
static inline bool mutex_try_lock(Mutex *m) { return TryAcquireSRWLockExclusive(m); }
static inline void mutex_unlock(Mutex *m) { ReleaseSRWLockExclusive(m); }
static inline void mutex_reset(Mutex *m) { InitializeSRWLock(m); }
static inline void mutex_destroy(Mutex *m) { (void)m; }
static inline void condition_reset(Condition *c) { InitializeConditionVariable(c); }
static inline void condition_destroy(Condition *c) { (void)c; }
static inline void condition_wait(Condition *c, Mutex *m) { SleepConditionVariableSRW(c, m, INFINITE, 0); }
static inline void condition_broadcast(Condition *c) { WakeAllConditionVariable(c); }
static inline void thread_yield(void) { SwitchToThread(); }
static inline int process_id(void) { return (int)GetCurrentProcessId(); }
// Pins the library: a worker must not outlive the code that it runs.
static inline bool thread_create(Thread *thread, DWORD(WINAPI *run)(void *), void *argument) {
  HMODULE self;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN, (LPCWSTR)(void *)run, &self);
  *thread = CreateThread(NULL, 0, run, argument, 0, NULL);
  return *thread != NULL;
}
static inline void thread_join(Thread thread) {
  WaitForSingleObject(thread, INFINITE);
  CloseHandle(thread);
}

#else
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

typedef pthread_mutex_t Mutex;
typedef pthread_cond_t Condition;
typedef pthread_t Thread;
#define MUTEX_INITIAL PTHREAD_MUTEX_INITIALIZER
#define CONDITION_INITIAL PTHREAD_COND_INITIALIZER
#define THREAD_MAIN(name) static void *name(void *argument)

static inline void mutex_lock(Mutex *m) { pthread_mutex_lock(m); }
static inline bool mutex_try_lock(Mutex *m) { return pthread_mutex_trylock(m) == 0; }
static inline void mutex_unlock(Mutex *m) { pthread_mutex_unlock(m); }
static inline void mutex_reset(Mutex *m) { *m = (Mutex)MUTEX_INITIAL; }
static inline void mutex_destroy(Mutex *m) { pthread_mutex_destroy(m); }
static inline void condition_reset(Condition *c) { *c = (Condition)CONDITION_INITIAL; }
static inline void condition_destroy(Condition *c) { pthread_cond_destroy(c); }
static inline void condition_wait(Condition *c, Mutex *m) { pthread_cond_wait(c, m); }
static inline void condition_broadcast(Condition *c) { pthread_cond_broadcast(c); }
static inline void thread_yield(void) { sched_yield(); }
static inline int process_id(void) { return (int)getpid(); }
static inline bool thread_create(Thread *thread, void *(*run)(void *), void *argument) {
  return pthread_create(thread, NULL, run, argument) == 0;
}
static inline void thread_join(Thread thread) { pthread_join(thread, NULL); }
#endif
