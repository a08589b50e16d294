/** Why a reading is bad or uncertain, in words. The codes are the server's closed list. */

import type { Words } from './types';

export const REASONS: Readonly<Record<string, Words>> = {
  timeout: { zh: '设备超时未应答', en: 'device did not answer in time' },
  not_connected: { zh: '设备未连接', en: 'no connection to the device' },
  bad_reply: { zh: '应答与请求不符', en: 'reply does not fit its request' },
  illegal_function: { zh: '设备不支持该功能码', en: 'device does not know the function' },
  illegal_address: { zh: '设备没有该寄存器', en: 'device has no such register' },
  illegal_value: { zh: '设备拒绝该请求', en: 'device refuses the request' },
  device_failure: { zh: '设备故障', en: 'device failure' },
  device_busy: { zh: '设备忙', en: 'device busy' },
  gateway_path: { zh: '中间网关不通', en: 'gateway in between has no path' },
  other_exception: { zh: '设备返回异常', en: 'device answered an exception' },
  not_a_number: { zh: '读数不是数值', en: 'reading is not a number' },
  out_of_range: { zh: '超出仪表量程', en: 'outside the instrument range' },
  bad_payload: { zh: '报文格式不符', en: 'payload not as expected' },
  missing_field: { zh: '报文缺少该字段', en: 'payload lacks the field' },
  wrong_type: { zh: '字段类型不符', en: 'field has another type' },
  device_flag: { zh: '设备标记读数不可信', en: 'device marks its value as not good' },
  clock: { zh: '网关时钟跳变，偏差未知', en: 'gateway clock stepped, skew unknown' },
  device_time: { zh: '设备时间有误或早已过去', en: 'device time wrong or long past' },
  stale: { zh: '超时未更新', en: 'not updated in time' },
  gateway_silent: { zh: '网关失联', en: 'gateway is silent' },
  suspect_mapping: { zh: '寄存器映射可疑', en: 'register mapping is suspect' },
  device_offline: { zh: '设备离线', en: 'device is offline' },
};

/** Why an alarm is held though its point has a value. */
export const HOLDS: Readonly<Record<string, Words>> = {
  break: { zh: '链路中断，其间的数据尚未补到', en: 'link was broken, data in between still to come' },
  rule: { zh: '规则已变更', en: 'rule changed' },
  source: { zh: '所在线路或设备不应答', en: 'its line or device does not answer' },
  learning: { zh: '数据积累不足，尚在学习', en: 'not enough data seen yet' },
};

/** What went away, so that nobody watches an alarm's point any more. */
export const UNWATCHED: Readonly<Record<string, Words>> = {
  gateway: { zh: '网关不再要求上报', en: 'gateway is expected no more' },
  point: { zh: '测点已移除或变更', en: 'point was removed or changed' },
  rule: { zh: '规则已移除或停用', en: 'rule is in force no more' },
};

/** The same in words; a code of a newer server is shown as it came. */
export function unwatchedWords(code: string): Words {
  return UNWATCHED[code] ?? { zh: code, en: code };
}

/** Why a read that was due gave no good value, besides the reasons of samples. */
export const LOSSES: Readonly<Record<string, Words>> = {
  uncertain: { zh: '读数存疑', en: 'value in doubt' },
  skipped: { zh: '前面的读取太慢，未轮到', en: 'not begun in time: reads before took too long' },
  unchanged_without_value: { zh: '仍无有效值，未重复上传', en: 'still without a value, not sent again' },
  under_way: { zh: '在途未到', en: 'under way, not here yet' },
  restart: { zh: '采集器未运行', en: 'collector was not running' },
  no_account: { zh: '无账目', en: 'nobody has told of this time' },
  budget: { zh: '网关缓存已满而丢弃', en: 'dropped by the gateway for want of room' },
  refused: { zh: '服务器拒收', en: 'refused by the server' },
  corrupt: { zh: '在网关磁盘上损坏', en: "damaged on the gateway's disk" },
  queue: { zh: '网关队列已满而丢弃', en: "dropped: the gateway's queue was full" },
  unknown: { zh: '缺失，原因不明', en: 'missing, for a reason not known' },
};

/** The reason in words; a code of a newer server is shown as it came. */
export function reasonWords(code: string): Words {
  return REASONS[code] ?? HOLDS[code] ?? LOSSES[code] ?? { zh: code, en: code };
}
